package execs

import "sync/atomic"

// Budget bounds the memory of all journals together. A journal takes what it wants while there is enough; when there is
// not, each is held to an even share of half of it.
type Budget struct {
	limit    int64
	used     atomic.Int64
	journals atomic.Int64
}

const (
	smallestShare = 4 << 10
	largestShare  = 64 << 10
)

// NewBudget bounds all journals to so many bytes.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit} }

func (b *Budget) join()           { b.journals.Add(1) }
func (b *Budget) leave()          { b.journals.Add(-1) }
func (b *Budget) use(bytes int64) { b.used.Add(bytes) }
func (b *Budget) short() bool     { return b.used.Load() > b.limit*3/4 }

func (b *Budget) share(wanted int64) int64 {
	if !b.short() {
		return min(wanted, b.limit/2)
	}
	even := b.limit / 2 / max(1, b.journals.Load())
	return min(wanted, max(smallestShare, min(largestShare, even)))
}
