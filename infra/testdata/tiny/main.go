// Command tiny stands in for a function where a test is about the template around it.
package main

func main() {}
