package moto_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
)

func TestServerAnswersAndSaysItsVersion(t *testing.T) {
	s := startMoto(t.Context(), t)
	resp, err := http.Get(s.URL() + "/moto-api/data.json")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d, want 200", resp.StatusCode)
	}
	if s.Version() != moto.Wanted {
		t.Errorf("version %q, want %q", s.Version(), moto.Wanted)
	}
}

func TestAnImageIsFoundByItsNameInEveryRegion(t *testing.T) {
	s := startMoto(t.Context(), t)
	for _, region := range []string{"eu-west-1", "ap-southeast-1"} {
		query := "Action=DescribeImages&Version=2016-11-15&Owner.1=099720109477&Filter.1.Name=name&Filter.1.Value.1=ubuntu/images/hvm-ssd/ubuntu-focal-20.04-amd64-server-*"
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL(), strings.NewReader(query))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=moto/20261121/"+region+"/ec2/aws4_request, SignedHeaders=host, Signature=0")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if strings.Count(string(body), "<imageId>") != 1 {
			t.Errorf("%s: %s", region, body)
		}
	}
}

func TestCloseEndsTheProcessAndMayBeRepeated(t *testing.T) {
	s := startMoto(t.Context(), t)
	s.Close()
	s.Close()
	if _, err := http.Get(s.URL() + "/moto-api/data.json"); err == nil {
		t.Error("the server still answers after Close")
	}
}

func TestServerEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := startMoto(ctx, t)
	cancel()
	<-s.Done() // the test's own time limit fails it if the process goes on
}

func TestMissingProgramIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Chdir(t.TempDir())
	if _, err := moto.Start(t.Context(), moto.Options{Dir: t.TempDir()}); !errors.Is(err, moto.ErrMissing) {
		t.Errorf("error %v, want ErrMissing", err)
	}
}

func startMoto(ctx context.Context, t *testing.T) *moto.Server {
	t.Helper()
	s, err := moto.Start(ctx, moto.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
