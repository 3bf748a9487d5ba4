package app

import (
	"testing"
	"testing/synctest"

	"releve/cmd/internal/config"
	"releve/db"
)

// A spool with records of an earlier run once raised a store alarm at each
// start: it wrote before the store had been opened.
func TestRecordsOfAnEarlierRunWaitForTheStoreInSilence(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := newStorage(openerOf(&config.Store{Path: dir}))
		result := make(chan error, 1)
		go func() { result <- s.Append(t.Context(), db.Batch{Segment: "1", Offset: 1}) }()
		synctest.Wait()
		select {
		case err := <-result:
			t.Fatal("it did not wait:", err)
		default:
		}
		if err := s.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-result; err != nil {
			t.Error(err)
		}
		s.close()
	})
}
