package fake_test

import (
	"testing"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/porttest"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestStoreKeepsItsContract(t *testing.T) {
	porttest.TestStore(t, func(*testing.T) reconcile.Store { return fake.NewStore() })
}

func TestStoreKeepsItsContractWithCopies(t *testing.T) {
	porttest.TestStore(t, func(*testing.T) reconcile.Store {
		s := fake.NewStore()
		s.Copies = true
		return s
	})
}

func TestDeliveriesKeepTheirContract(t *testing.T) {
	porttest.TestDeliveries(t, func(*testing.T) porttest.Deliveries { return fake.NewStore() })
}

func TestBlobsKeepTheirContract(t *testing.T) {
	porttest.TestBlobs(t, func(*testing.T) reconcile.Blobs { return fake.NewBlobs() })
}

func TestQueueKeepsItsContract(t *testing.T) {
	porttest.TestQueue(t, func(*testing.T) (reconcile.Queue, func() []reconcile.Message) {
		q := fake.NewQueue()
		return q, q.Drain
	})
}
