// SPDX-License-Identifier: MIT

// token_tree.go - contexts: WithCancel of the one above, the root's cancel, Err of each. A context
// has no release but its cancel function, which every program is told to call in the end; here each
// is called from the youngest on, and finds the context cancelled already. The memory is the
// garbage collector's, whose work falls into the figures as it comes, or into none.
package main

import (
	"context"
	"time"
)

type token struct {
	ctx    context.Context
	cancel context.CancelFunc
}

func makeTokens(tokens []token) {
	for i := range tokens {
		above := context.Background()
		if i > 0 {
			above = tokens[(i-1)/10].ctx
		}
		tokens[i].ctx, tokens[i].cancel = context.WithCancel(above)
	}
}

func tokenTree(count int) uint64 {
	tokens := make([]token, count)
	for i := range tokens {
		tokens[i] = token{} // The slice's pages are there before the clock starts.
	}
	start := time.Now()
	makeTokens(tokens)
	figure("create", "ns", nsSince(start, count))
	if tokens[count-1].ctx.Err() != nil {
		fail("token_tree: cancelled too early")
	}

	start = time.Now()
	tokens[0].cancel()
	figure("cancel", "ns", nsSince(start, count))

	var seen uint64
	start = time.Now()
	for i := range tokens {
		if tokens[i].ctx.Err() != nil {
			seen++
		}
	}
	figure("look", "ns", nsSince(start, count))

	start = time.Now()
	for i := count - 1; i >= 0; i-- {
		tokens[i].cancel()
		tokens[i] = token{}
	}
	figure("release", "ns", nsSince(start, count))
	return seen
}
