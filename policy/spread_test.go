package policy_test

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// spread says what is answered with which odds: the probability of each leaf to be in the answer, and that of each
// number of records in the answer. Leaves are named by the path to them.
type spread struct {
	leaf map[string]*big.Rat
	size map[int]*big.Rat
}

var one = big.NewRat(1, 1)

func surely(leaf string, size int) spread {
	return spread{leaf: map[string]*big.Rat{leaf: one}, size: map[int]*big.Rat{size: one}}
}

func (s spread) String() string {
	words := make([]string, 0, len(s.leaf)+len(s.size))
	for _, leaf := range slices.Sorted(maps.Keys(s.leaf)) {
		words = append(words, leaf+"="+s.leaf[leaf].RatString())
	}
	for _, n := range slices.Sorted(maps.Keys(s.size)) {
		words = append(words, fmt.Sprintf("size%d=%s", n, s.size[n].RatString()))
	}
	return strings.Join(words, "\n")
}

func accumulate[K comparable](to map[K]*big.Rat, key K, p *big.Rat) {
	if to[key] == nil {
		to[key] = new(big.Rat)
	}
	to[key].Add(to[key], p)
}

// together is the answer that holds all of the parts, each drawn by itself, with the path before their leaves.
func together(paths []string, parts []spread) spread {
	all := spread{leaf: map[string]*big.Rat{}, size: map[int]*big.Rat{0: one}}
	for i, part := range parts {
		for leaf, p := range part.leaf {
			accumulate(all.leaf, paths[i]+leaf, p)
		}
		sizes := map[int]*big.Rat{}
		for a, p := range all.size {
			for b, q := range part.size {
				accumulate(sizes, a+b, new(big.Rat).Mul(p, q))
			}
		}
		all.size = sizes
	}
	return all
}

// either is the answer that is one of the parts, with the odds given.
func either(odds []*big.Rat, parts []spread) spread {
	all := spread{leaf: map[string]*big.Rat{}, size: map[int]*big.Rat{}}
	for i, part := range parts {
		for leaf, p := range part.leaf {
			accumulate(all.leaf, leaf, new(big.Rat).Mul(odds[i], p))
		}
		for n, p := range part.size {
			accumulate(all.size, n, new(big.Rat).Mul(odds[i], p))
		}
	}
	return all
}

// permutations are all orders of the records.
func permutations(records []int) [][]int {
	if len(records) <= 1 {
		return [][]int{records}
	}
	var all [][]int
	for i, r := range records {
		for _, rest := range permutations(slices.Delete(slices.Clone(records), i, i+1)) {
			all = append(all, append([]int{r}, rest...))
		}
	}
	return all
}
