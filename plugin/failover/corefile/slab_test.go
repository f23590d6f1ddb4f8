package corefile

import "testing"

func TestSlabPiecesAreApart(t *testing.T) {
	var s slab[int]
	pieces := make([][]int, 0, 2*mostInSlab)
	for n := range 2 * mostInSlab {
		piece := s.take(n % 7)
		if len(piece) != n%7 || cap(piece) != len(piece) {
			t.Fatalf("Got room for %d with capacity %d, want %d", len(piece), cap(piece), n%7)
		}
		for i := range piece {
			if piece[i] != 0 {
				t.Fatalf("Got %v, want room that nobody has", piece)
			}
			piece[i] = n
		}
		pieces = append(pieces, piece)
	}
	for n, piece := range pieces {
		for _, v := range piece {
			if v != n {
				t.Fatalf("Piece %d is %v", n, piece)
			}
		}
	}
	if large := s.take(3 * mostInSlab); len(large) != 3*mostInSlab || cap(large) != len(large) {
		t.Errorf("Got room for %d", len(large))
	}
	if kept := s.keep(nil); kept != nil {
		t.Errorf("Got %v, want nothing of nothing", kept)
	}
	from := []int{1, 2}
	kept := s.keep(from)
	from[0] = 9
	if len(kept) != 2 || cap(kept) != 2 || kept[0] != 1 {
		t.Errorf("Got %v, want a copy", kept)
	}
}
