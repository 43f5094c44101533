package reconcile

import (
	"bytes"
	"io"
	"testing"
)

func TestABundleIsReadBackAsItWasWrittenWhateverItsSize(t *testing.T) {
	for name, test := range map[string]struct {
		size   int
		onDisk bool
	}{
		"none":                          {0, false},
		"as much as memory takes":       {small, false},
		"a byte more":                   {small + 1, true},
		"more than twice that, on disk": {2*small + 7, true},
	} {
		t.Run(name, func(t *testing.T) {
			want := bytes.Repeat([]byte("0123456789abcdef!"), test.size/17+1)[:test.size]
			s := &scratch{}
			defer s.Close()
			for part := range bytes.SplitAfterSeq(want, []byte("!")) {
				if _, err := s.Write(part); err != nil {
					t.Fatal(err)
				}
			}
			content, size, err := s.content()
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(content)
			if err != nil || !bytes.Equal(got, want) || size != int64(test.size) {
				t.Errorf("read back %d of %d bytes, size %d, %v", len(got), test.size, size, err)
			}
			if (s.file != nil) != test.onDisk {
				t.Errorf("on disk %t, want %t", s.file != nil, test.onDisk)
			}
		})
	}
}
