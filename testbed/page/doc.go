// Package page proves the alarm screen: Chromium, without a window, looks at the
// built binary while the IPBX and the servers of the test bed live and die around
// it. It has tests only; -shots FOLDER (or RELEVE_SHOTS) keeps the pictures that
// they take, which are to be looked at; those of docs/images are alarm-light and
// wall-small of such a run.
package page
