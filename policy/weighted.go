package policy

// byWeight returns the records that take part in the draw and the running sums of their weights; nil sums mean equal
// odds. Records with weight 0 are a reserve: they take part only where no other does (R08), and then with equal odds
// (R05). Whether the given records are the healthy ones or, with none healthy, all of them (R09), makes no difference.
func byWeight(set *Set, records []int) ([]int, []uint64) {
	var heavy []int
	for _, r := range records {
		if set.Records[r].Weight > 0 {
			heavy = append(heavy, r)
		}
	}
	if len(heavy) == 0 {
		return records, nil
	}
	sums := make([]uint64, len(heavy))
	sum := uint64(0)
	for i, r := range heavy {
		sum += uint64(set.Records[r].Weight)
		sums[i] = sum
	}
	return heavy, sums
}
