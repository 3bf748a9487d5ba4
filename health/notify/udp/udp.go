// Package udp is what the receivers of package notify that are reached by
// datagrams share: nobody confirms a datagram, but the machine of the receiver
// says when nobody listens there (ICMP port unreachable), on a connected socket.
//
// It owns no state.
package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// settle is how long an ICMP message is waited for, our choice: a site's network
// is crossed in less.
const settle = 150 * time.Millisecond

// Settle waits a moment after something was sent on conn and returns an error
// when the receiver's machine said that nobody listens; nil proves nothing. What
// the receiver answers is thrown away.
func Settle(ctx context.Context, conn net.Conn) error {
	until := time.Now().Add(settle)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	if err := conn.SetReadDeadline(until); err != nil {
		return fmt.Errorf("wait for a refusal: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	var scrap [1]byte
	for {
		_, err := conn.Read(scrap[:])
		switch {
		case err == nil: // a datagram that nobody asked for
		case errors.Is(err, os.ErrDeadlineExceeded):
			return ctx.Err()
		default:
			return fmt.Errorf("nobody listens at %s: %w", conn.RemoteAddr(), err)
		}
	}
}
