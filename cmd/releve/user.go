package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"releve/cmd/internal/admin/password"
)

// Who may log in at the alarm screen stands in the configuration; this makes the
// hash of a password.
func (c *cli) userVerb() *cobra.Command { return c.group("user", "user", c.userHash()) }

// userHash asks twice at a terminal, and reads one line of a script.
func (c *cli) userHash() *cobra.Command {
	return c.verb("user hash", "hash", 0, 0, func(context.Context, []string) error {
		secret, err := c.newPassword()
		if err != nil {
			return err
		}
		hash, err := password.New(secret)
		if errors.Is(err, password.ErrLength) {
			return exit{exitNo, c.m.PasswordLength(password.Shortest, password.Longest)}
		}
		if err != nil {
			return err
		}
		return c.print(map[string]string{"hash": hash}, func() string { return hash + "\n" })
	})
}

func (c *cli) newPassword() (string, error) {
	file, ok := c.in.(*os.File)
	if !ok || !isTerminal(file) {
		return c.passwordLine()
	}
	var typed [2]string
	for i, prompt := range [...]string{c.m.AskPassword(), c.m.AskPasswordAgain()} {
		fmt.Fprint(c.err, prompt)
		line, err := c.hidden(file)
		fmt.Fprintln(c.err)
		if err != nil {
			return "", err
		}
		typed[i] = line
	}
	if typed[0] != typed[1] {
		return "", exit{exitNo, c.m.PasswordsDiffer()}
	}
	return typed[0], nil
}

func (c *cli) passwordLine() (string, error) {
	line, err := c.keys.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// hidden reads one line that the terminal does not show.
func (c *cli) hidden(f *os.File) (string, error) {
	was, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return "", err
	}
	quiet := *was
	quiet.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &quiet); err != nil {
		return "", err
	}
	defer func() { _ = unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, was) }() // the shell sets it right, too
	return c.passwordLine()
}
