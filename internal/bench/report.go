package bench

// write writes the documents.
func (b *bench) write() error { return nil }
