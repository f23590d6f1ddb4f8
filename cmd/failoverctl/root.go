package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"runtime/debug"
	"strings"
	"time"

	"github.com/seed-a19ac2b6/failover/cmd/failoverctl/term"
	"github.com/seed-a19ac2b6/failover/plugin/failover/api/client"

	"github.com/spf13/cobra"
)

// defaultServer is where the documentation puts the admin API.
const defaultServer = "http://127.0.0.1:9180"

// app is one run of the program.
type app struct {
	world   *world
	flags   flags
	running bool // the command line was right
}

// flags are those of all commands.
type flags struct {
	server, tokenFile, ca, cert, key string
	author, output, colour           string
	timeout                          time.Duration
}

// run runs a command line and gives the exit code.
func run(ctx context.Context, args []string, w *world) int {
	a := &app{world: w}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(w.out)
	root.SetErr(w.errs)
	command, err := root.ExecuteContextC(ctx)
	if err != nil && !a.running {
		err = usageError{err}
	}
	code := codeOf(err)
	_, said := errors.AsType[quiet](err)
	switch {
	case err == nil || said:
	case code == exitInterrupted:
		fmt.Fprintln(w.errs, "failoverctl: interrupted")
	default:
		for line := range strings.Lines("failoverctl: " + strings.TrimSpace(err.Error())) {
			fmt.Fprintln(w.errs, term.Clean(strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "  ")))
		}
	}
	if code == exitUsage {
		fmt.Fprintf(w.errs, "See \"%s --help\".\n", command.CommandPath())
	}
	return code
}

// root is the command with all others below it.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "failoverctl",
		Short: "See, explain, rehearse and overrule what the failover plugin answers",
		Long: `failoverctl asks the admin API of a CoreDNS with the failover plugin, and changes by it what can be changed
while the server runs. The server needs the word admin in its Corefile. "failoverctl check" judges a Corefile and
needs no server.

` + exitHelp,
		Version:           version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := root.PersistentFlags()
	// What is set by the environment has no default in the help, which goes into the manual.
	f.StringVar(&a.flags.server, "server", "",
		"http://HOST:PORT, https://HOST:PORT or unix:PATH of the admin API\n(FAILOVERCTL_SERVER; "+defaultServer+")")
	f.StringVar(&a.flags.tokenFile, "token-file", "", "file with the token (FAILOVERCTL_TOKEN_FILE)")
	f.StringVar(&a.flags.ca, "ca", "", "authorities to trust instead of the system's, PEM (FAILOVERCTL_CA)")
	f.StringVar(&a.flags.cert, "cert", "", "client certificate, PEM (FAILOVERCTL_CERT)")
	f.StringVar(&a.flags.key, "key", "", "its key, PEM (FAILOVERCTL_KEY)")
	f.StringVar(&a.flags.author, "author", "", "who changes something (FAILOVERCTL_AUTHOR; the login name)")
	f.DurationVar(&a.flags.timeout, "timeout", client.DefaultTimeout, "of one request to the admin API")
	f.StringVarP(&a.flags.output, "output", "o", "table", "table or json")
	f.StringVar(&a.flags.colour, "color", "auto", "auto, always or never; auto heeds NO_COLOR")
	complete(root, "output", "table", "json")
	complete(root, "color", "auto", "always", "never")
	root.AddCommand(
		a.status(), a.explain(), a.events(), a.force("down"), a.force("up"), a.restore(), a.failback(), a.drill(),
		a.check(), a.man(),
	)
	return root
}

// complete names the values of a flag for shells.
func complete(cmd *cobra.Command, flag string, values ...string) {
	// It fails for flags that are not there only.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// version is that of the module, where it was built as one.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// action is what a command does once its command line is known to be right.
type action func(ctx context.Context, t *term.Terminal, args []string) error

// do makes an action what cobra runs.
func (a *app) do(what action) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if a.flags.output != "table" && a.flags.output != "json" {
			return fmt.Errorf("output: %q is not table or json", a.flags.output)
		}
		if a.flags.timeout <= 0 {
			return errors.New("timeout: it must be more than nothing")
		}
		t, err := a.world.terminal(a.flags.colour)
		if err != nil {
			return err
		}
		a.running = true
		return what(cmd.Context(), t, args)
	}
}

// json tells that the output is for programs.
func (a *app) json() bool { return a.flags.output == "json" }

// or is a flag's value, else that of an environment variable, else a default.
func (a *app) or(flag, variable, otherwise string) string {
	if flag != "" {
		return flag
	}
	if value := a.world.env(variable); value != "" {
		return value
	}
	return otherwise
}

// client is the one of the server that the flags name. What is wrong with them is a mistake of the command line.
func (a *app) client() (*client.Client, error) {
	c, err := client.New(client.Options{
		Server:    a.or(a.flags.server, "FAILOVERCTL_SERVER", defaultServer),
		TokenFile: a.or(a.flags.tokenFile, "FAILOVERCTL_TOKEN_FILE", ""),
		CAFile:    a.or(a.flags.ca, "FAILOVERCTL_CA", ""),
		CertFile:  a.or(a.flags.cert, "FAILOVERCTL_CERT", ""),
		KeyFile:   a.or(a.flags.key, "FAILOVERCTL_KEY", ""),
		Timeout:   a.flags.timeout,
	})
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}

// author is who changes something. Behind sudo it is who called that: an audit wants people.
func (a *app) author() (string, error) {
	if name := a.or(a.flags.author, "FAILOVERCTL_AUTHOR", ""); name != "" {
		return name, nil
	}
	if name := a.world.env("SUDO_USER"); name != "" && os.Geteuid() == 0 {
		return name, nil
	}
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return "", usageError{errors.New("author: your login name is not known, so give --author")}
	}
	return u.Username, nil
}
