package runner_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

// serveProvider is a provider that knows no resource: it tells a schema of nothing, over what
// gRPC is made of (gRPC over HTTP2, PROTOCOL-HTTP2.md; tfplugin5.proto, GetProviderSchema). Its
// process is ended by whoever started it.
func serveProvider() error {
	at := filepath.Join(os.TempDir(), fmt.Sprintf("x%d", os.Getpid()))
	l, err := net.Listen("unix", at)
	if err != nil {
		return err
	}
	fmt.Printf("1|5|unix|%s|grpc\n", at)
	s := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		if r.URL.Path != "/tfplugin5.Provider/GetSchema" {
			w.Header().Set("Grpc-Status", "12") // unimplemented
			return
		}
		// Response{provider: Schema{block: Block{}}}, four bytes long.
		_, _ = w.Write([]byte{0, 0, 0, 0, 4, 0x0a, 2, 0x12, 0})
		w.Header().Set("Grpc-Status", "0")
	})}
	s.Protocols.SetUnencryptedHTTP2(true)
	return s.Serve(l)
}
