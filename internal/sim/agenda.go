package sim

import (
	"container/heap"
	"time"
)

// agenda is what is to happen, by the time since the world began; what is due at the same
// time happens in the order in which it was put down.
type agenda struct {
	entries entries
	n       int
}

type entry struct {
	at time.Duration
	n  int
	do func()
}

type entries []entry

func (e entries) Len() int { return len(e) }
func (e entries) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].n < e[j].n
}
func (e entries) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

// Push implements heap.Interface.
func (e *entries) Push(x any) { *e = append(*e, x.(entry)) }

// Pop implements heap.Interface.
func (e *entries) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func (a *agenda) put(at time.Duration, do func()) {
	a.n++
	heap.Push(&a.entries, entry{at, a.n, do})
}

func (a *agenda) take() (entry, bool) {
	if len(a.entries) == 0 {
		return entry{}, false
	}
	return heap.Pop(&a.entries).(entry), true
}
