// Package sim runs the real reconciler, sweeper and operator, above the real CloudFormation
// engine, in a simulated world: a clock that jumps, a queue, a table, git and CloudFormation
// in memory, several workers of which one runs at a time, and a list of faults.
//
// A seed decides everything, so that a run can be repeated; what happens and what fails is an
// explicit list (Plan), so that a failing run can be made smaller. All along, and once the
// faults have stopped, the invariants I1 to I10 are checked (docs/protocol.md). The planted
// bugs (Mutants) show that the checks see something.
//
// It imports the packages that it runs, the fakes, and nothing that reaches outside.
package sim
