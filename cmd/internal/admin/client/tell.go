package client

import (
	"context"
	"net/url"
	"strconv"

	"releve/cmd/internal/admin"
	"releve/db"
)

// AlarmHistory asks for the alarms that stand and those that ended.
func (c *Client) AlarmHistory(ctx context.Context) (out []db.Alarm, err error) {
	return out, c.get(ctx, "/api/v1/alarms/history", nil, &out)
}

// Receivers asks who is told of alarms, and how that goes.
func (c *Client) Receivers(ctx context.Context) (out []admin.Receiver, err error) {
	return out, c.get(ctx, "/api/v1/receivers", nil, &out)
}

// TestReceivers sends a test to the receivers of that name or kind, or to all.
func (c *Client) TestReceivers(ctx context.Context, name string) (out []admin.ReceiverTest, err error) {
	return out, c.post(ctx, "/api/v1/receivers/"+url.PathEscape(name)+"/tests", nil, &out)
}

// Silences asks for the silences that are open or planned.
func (c *Client) Silences(ctx context.Context) (out []admin.Silence, err error) {
	return out, c.get(ctx, "/api/v1/silences", nil, &out)
}

// Silence plans a silence.
func (c *Client) Silence(ctx context.Context, s admin.SilenceAsked) (out admin.Silence, err error) {
	return out, c.post(ctx, "/api/v1/silences", s, &out)
}

// EndSilence ends one, 0: all of them.
func (c *Client) EndSilence(ctx context.Context, id uint32) (out []admin.Silence, err error) {
	return out, c.post(ctx, "/api/v1/silences/"+strconv.FormatUint(uint64(id), 10)+"/end", nil, &out)
}
