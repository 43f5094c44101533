package git

import "strconv"

// Limits are the caps on what is read from one repository. A zero field is its default.
type Limits struct {
	FileBytes    int64 // of one file; 1 MiB
	Files        int   // files, and as many directories, at and below one path; 10,000
	TotalBytes   int64 // of all files of one Fetch, unpacked; 200 MiB
	Depth        int   // names in a path; 32
	RequestBytes int64 // of an answer about references, which is kept in memory; 16 MiB
	DiskBytes    int64 // of all packs of one Snapshot, which are kept on disk; 400 MiB, of the 512 that Lambda gives
}

// or returns the limits with the defaults filled in.
func (l Limits) or() Limits {
	if l.FileBytes == 0 {
		l.FileBytes = 1 << 20
	}
	if l.Files == 0 {
		l.Files = 10_000
	}
	if l.TotalBytes == 0 {
		l.TotalBytes = 200 << 20
	}
	if l.Depth == 0 {
		l.Depth = 32
	}
	if l.RequestBytes == 0 {
		l.RequestBytes = 16 << 20
	}
	if l.DiskBytes == 0 {
		l.DiskBytes = 400 << 20
	}
	return l
}

// size writes a number of bytes for people: "1.5 MiB", and to the byte what no unit divides.
func size(n int64) string {
	for _, unit := range []struct {
		bytes int64
		name  string
	}{{1 << 20, " MiB"}, {1 << 10, " KiB"}} {
		if n >= unit.bytes && n*10%unit.bytes == 0 {
			return strconv.FormatFloat(float64(n)/float64(unit.bytes), 'f', -1, 64) + unit.name
		}
	}
	return strconv.FormatInt(n, 10) + " bytes"
}
