package zone

import (
	"iter"
	"slices"
)

// users tells which sets use which checks. It is two arrays for all: a list of its own for each of a hundred thousand
// checks would be as many objects.
type users struct {
	begins []uint32 // by leaf: where in sets those that use it begin; the next leaf's is where they end
	sets   []uint32 // indexes in Index.sets, ascending for each leaf
}

// usersOf finds the users of so many leaves.
func usersOf(sets []Set, leaves int) users {
	u := users{begins: make([]uint32, leaves+1)}
	last := make([]int, leaves) // by leaf: the last set that was seen to use it, plus one
	each := func(fn func(leaf, set int)) {
		clear(last)
		for i := range sets {
			sets[i].forEachLeaf(func(leaf int) {
				if last[leaf] != i+1 {
					last[leaf] = i + 1
					fn(leaf, i)
				}
			})
		}
	}
	total := uint32(0)
	each(func(leaf, _ int) { u.begins[leaf+1]++; total++ })
	for leaf := range leaves {
		u.begins[leaf+1] += u.begins[leaf]
	}
	u.sets = make([]uint32, total)
	next := make([]uint32, leaves)
	copy(next, u.begins)
	each(func(leaf, set int) {
		u.sets[next[leaf]] = uint32(set)
		next[leaf]++
	})
	return u
}

// of gives the sets that use a leaf.
func (u *users) of(leaf int) []uint32 { return u.sets[u.begins[leaf]:u.begins[leaf+1]] }

// Users gives the sets whose own records use a check, by the leaf of the configuration.
func (x *Index) Users(leaf int) iter.Seq[*Set] {
	return func(yield func(*Set) bool) {
		for _, i := range x.users.of(leaf) {
			if s := &x.sets[i]; s.isOutside() {
				// What is looked up is looked up for those with an alias there.
				for _, parent := range s.links.parents {
					if !yield(&x.sets[parent]) {
						return
					}
				}
			} else if !yield(s) {
				return
			}
		}
	}
}

// Affected gives the sets whose answers depend on any of the checks, by the leaves of the configuration, be it through
// aliases: in the order in which they are made.
func (x *Index) Affected(leaves []int) []*Set {
	found := make(map[int]bool)
	var add func(i int)
	add = func(i int) {
		if found[i] {
			return
		}
		found[i] = true
		if links := x.sets[i].links; links != nil {
			for _, parent := range links.parents {
				add(parent)
			}
		}
	}
	for _, leaf := range leaves {
		for _, i := range x.users.of(leaf) {
			add(int(i))
		}
	}
	order := make([]int, 0, len(found))
	for i := range found {
		if !x.sets[i].isOutside() {
			order = append(order, i)
		}
	}
	slices.Sort(order)
	sets := make([]*Set, len(order))
	for n, i := range order {
		sets[n] = &x.sets[i]
	}
	return sets
}
