package handler

import (
	"context"
	"fmt"
	"log/slog"
)

// Sweeper wakes what is unfinished, due, or watched.
type Sweeper interface {
	Unfinished(ctx context.Context) (int, error)
	Repositories(ctx context.Context) (int, error)
}

// Schedule is the constant input of the two schedule rules.
type Schedule struct {
	Sweep string `json:"sweep"` // "unfinished" or "repositories"
}

// Sweep handles the schedules.
func Sweep(s Sweeper, log *slog.Logger) func(context.Context, Schedule) error {
	return func(ctx context.Context, e Schedule) error {
		sweep, ok := map[string]func(context.Context) (int, error){
			"unfinished": s.Unfinished, "repositories": s.Repositories,
		}[e.Sweep]
		if !ok {
			return fmt.Errorf("sweep %q: must be unfinished or repositories", e.Sweep)
		}
		n, err := sweep(ctx)
		if err != nil {
			return err
		}
		log.Info("sweep", "sweep", e.Sweep, "woken", n)
		return nil
	}
}
