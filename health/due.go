package health

import "container/heap"

// dueHeap is a container/heap of monitors, the earliest first.
type dueHeap []*monitor

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = int32(i), int32(j)
}

// Push is for container/heap.
func (h *dueHeap) Push(x any) {
	m := x.(*monitor)
	m.index = int32(len(*h))
	*h = append(*h, m)
}

// Pop is for container/heap.
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	m := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	m.index = -1
	return m
}

// remove takes m out if it is in.
func (h *dueHeap) remove(m *monitor) {
	if m.index >= 0 {
		heap.Remove(h, int(m.index))
	}
}
