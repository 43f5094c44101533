package dynamodb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/driftless-gitops/driftless/internal/notify"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

const (
	noticePrefix = "NOTICE#"
	dueNotice    = "notice"
	// attributeTouched is there from a touch until the notice is stored again: the mapping of
	// the stream lets only such notices through, so that storing one wakes nobody.
	attributeTouched = "touched"
	// noticeLife is how long a notice is kept after it was stored last.
	noticeLife = 30 * 24 * time.Hour
)

var (
	_ notify.Notices    = (*Store)(nil)
	_ reconcile.Notices = (*Store)(nil)
)

func noticeKey(place string) key { return key{noticePrefix + place, "NOTICE"} }

// Notice implements notify.Notices.
func (s *Store) Notice(ctx context.Context, place string) (notify.Notice, error) {
	return read[notify.Notice](ctx, s, noticeKey(place))
}

// PutNotice implements notify.Notices. A notice is small, and goes to no bucket.
func (s *Store) PutNotice(ctx context.Context, n *notify.Notice) error {
	next := *n
	next.Version++
	attrs, err := attributevalue.MarshalMapWithOptions(next, func(o *attributevalue.EncoderOptions) { o.TagKey = "json" })
	if err != nil {
		return fmt.Errorf("encode notice of %s: %w", n.Place, err)
	}
	attrs[attributeSchema] = number(schema)
	attrs[attributeExpires] = number(s.now().Add(noticeLife).Unix())
	if !n.Due.IsZero() {
		attrs[attributeDue], attrs[attributeDueAt] = text(dueNotice), number(n.Due.Unix())
	}
	u := update{key: noticeKey(n.Place), condition: isVersion(n.Version), attrs: attrs}
	for _, name := range append(fields(next), attributeTouched, attributeDue, attributeDueAt) {
		if _, ok := attrs[name]; !ok {
			u.gone = append(u.gone, name)
		}
	}
	if err := s.run(ctx, u); err != nil {
		return err
	}
	n.Version = next.Version
	return nil
}

// DueNotices implements reconcile.Notices.
func (s *Store) DueNotices(ctx context.Context, now int64, limit int) ([]string, error) {
	due := expression.Key(attributeDue).Equal(expression.Value(dueNotice)).
		And(expression.Key(attributeDueAt).LessThanEqual(expression.Value(number(now))))
	items, err := s.find(ctx, query{index: indexDue, where: &due, limit: limit})
	var places []string
	for _, found := range items {
		if pk, ok := found[attributePK].(*types.AttributeValueMemberS); ok {
			places = append(places, strings.TrimPrefix(pk.Value, noticePrefix))
		}
	}
	return places, err
}

// TouchNotice implements reconcile.Notices. The notice's own fields stay, its version too:
// a touch is a hint, and disturbs nobody who is showing something there.
func (s *Store) TouchNotice(ctx context.Context, place string, now, next int64) error {
	return s.run(ctx, update{
		key:       noticeKey(place),
		condition: expression.Name(attributeDueAt).LessThanEqual(expression.Value(number(now))),
		attrs:     item{attributeTouched: number(now), attributeDueAt: number(next)},
	})
}
