package libnetwork_test

import (
	"sync/atomic"
	"time"
)

// clock is a clock that a test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// pass lets more time go by than anything waits for.
func (c *clock) pass() { c.ahead.Add(int64(time.Hour)) }
