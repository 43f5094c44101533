package fuzzing

import "testing"

func TestARunWhoseTimeIsUpHasFoundNothing(t *testing.T) {
	const up = "fuzz: elapsed: 10s, execs: 52249 (5082/sec)\n--- FAIL: FuzzPlan (10.16s)\n    context deadline exceeded\nFAIL\n"
	for said, want := range map[string]bool{
		up:     true,
		"PASS": false,
		"--- FAIL: FuzzPlan (0.16s)\n    --- FAIL: FuzzPlan (0.00s)\n        x_test.go:1: context deadline exceeded\n    \n    Failing input written to testdata/fuzz/FuzzPlan/1\nFAIL\n": false,
		"--- FAIL: FuzzPlan (10.16s)\n    fuzzing process hung or terminated unexpectedly\nFAIL\n":                                                                                        false,
		"panic: x\n" + up + "exit status 2\n": false,
	} {
		if got := ranOut(said); got != want {
			t.Errorf("%q: %v, want %v", said, got, want)
		}
	}
}
