// Package invoke runs one function's program on one event, as Lambda does: through the
// runtime API, with the environment that the synthesised template gives it. Around it is an
// AWS in memory (moto) that holds what the event is about, and that shows afterwards what was
// sent. It takes no Docker, and is for trying and for tests: nothing of the product imports it.
package invoke
