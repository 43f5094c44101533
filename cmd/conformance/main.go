// Program conformance holds the sandbox to what AWS answers, as "make conformance" runs it.
// It asks a real account only when one is named and -yes is given. It exits with 1 when the
// sandbox differs, and with 2 when it refused or could not ask.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/driftless-gitops/driftless/internal/conformance"
)

func main() {
	o := conformance.Options{Run: strings.ToLower(rand.Text()[:8]), Poll: 2 * time.Second, Now: time.Now, Out: os.Stdout}
	flag.StringVar(&o.Account, "account", "", "account whose answers are recorded (default: none, the sandbox alone)")
	flag.StringVar(&o.Region, "region", "", "region of the account")
	flag.BoolVar(&o.Yes, "yes", false, "make in that account what it is charged for")
	flag.StringVar(&o.Dir, "recordings", "", "folder of the recordings (default: internal/conformance/"+conformance.Recordings+")")
	only := flag.String("only", "", "expectations to try, such as cfn-create,ddb-stream (default: all)")
	flag.Parse()
	o.Only = strings.FieldsFunc(*only, func(r rune) bool { return r == ',' })
	if o.Elsewhere = o.Dir != ""; !o.Elsewhere {
		o.Dir = filepath.Join("internal", "conformance", filepath.FromSlash(conformance.Recordings))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := conformance.Command(ctx, o)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "✗ "+err.Error())
	if errors.Is(err, conformance.ErrDiffers) {
		os.Exit(1)
	}
	os.Exit(2)
}
