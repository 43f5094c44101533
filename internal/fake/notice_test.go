package fake_test

import (
	"testing"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/porttest"
)

func TestNoticesKeepTheirContract(t *testing.T) {
	porttest.TestNotices(t, func(*testing.T) porttest.Notices { return fake.NewNotices() })
}
