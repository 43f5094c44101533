package bench

import (
	"crypto/sha256"
	"runtime"
	"sync"
	"time"
)

// slack is how many times its best a calibration may take on a machine that is quiet but for
// the sandbox, which polls. One other program that computes on one of two cores makes it 1.6
// and more.
const slack = 1.5

// gauge finds out whether the machine is busy with something else: it does the same piece
// of work on all cores before every run, which takes longer when others compute as well.
type gauge struct {
	best  time.Duration // of all ticks so far
	ticks []time.Duration
}

// tick does the piece of work once: about ten milliseconds.
func (g *gauge) tick() {
	began := time.Now()
	var wg sync.WaitGroup
	for range runtime.NumCPU() {
		wg.Go(func() {
			block := make([]byte, 1<<20)
			for range 8 {
				sum := sha256.Sum256(block)
				copy(block, sum[:])
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	if g.best == 0 || took < g.best {
		g.best = took
	}
	g.ticks = append(g.ticks, took)
}

// settle learns the machine's best.
func (g *gauge) settle() {
	for range 30 {
		g.tick()
	}
	g.ticks = nil
}

// busy reports whether the machine was busy in most of the ticks since it was last asked,
// and by how much.
func (g *gauge) busy() (bool, float64) {
	if len(g.ticks) == 0 {
		return false, 1
	}
	by := float64(median(g.ticks)) / float64(g.best)
	g.ticks = nil
	return by > slack, by
}
