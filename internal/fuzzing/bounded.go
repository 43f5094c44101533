package fuzzing

import (
	"runtime/metrics"
	"testing"
	"time"
)

// What one input of up to 64 KiB may take, and each further 64 KiB again. Memory is all that
// was allocated, whether or not it was freed, so that the same input always counts the same.
const (
	step       = 64 << 10
	mostMemory = 64 << 20
	mostTime   = 2 * time.Second
)

// Bounded runs do on an input of size bytes and fails the test where that takes more memory
// or time than an input of its size may. It is called with nothing else running in parallel.
func Bounded(t testing.TB, size int, do func()) {
	t.Helper()
	steps := 1 + size/step
	timer := time.NewTimer(time.Duration(steps) * mostTime)
	before := allocated()
	do()
	taken := allocated() - before
	if !timer.Stop() {
		t.Errorf("%d bytes took longer than %s", size, time.Duration(steps)*mostTime)
	}
	if most := uint64(steps) * mostMemory; taken > most {
		t.Errorf("%d bytes took %d bytes of memory in all, at most %d are allowed", size, taken, most)
	}
}

// allocated returns how many bytes were ever allocated.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
