// SPDX-License-Identifier: Apache-2.0

// The peer of tests/bench/log.py: Tessera's POSIX log, and its check of a whole log, on this machine.
//
//	tessera append DIR ENTRIES SIZE WORKERS    entries are counted when their index is durable
//	tessera fsck DIR VKEY WORKERS              a log in a folder of C2SP tlog-tiles: any log's, ours too
//
// Prints one JSON object.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "tessera:", err)
		os.Exit(1)
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	must(err)
	return n
}

func say(v map[string]any) {
	must(json.NewEncoder(os.Stdout).Encode(v))
}

// Many goroutines, each of which waits for the index of its entry before it adds the next: as requests would.
func add(dir string, entries, size, workers int) {
	ctx := context.Background()
	secret, _, err := note.GenerateKey(rand.Reader, "tessera.example/log")
	must(err)
	signer, err := note.NewSigner(secret)
	must(err)
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	must(err)
	opts := tessera.NewAppendOptions().WithCheckpointSigner(signer).
		WithBatching(4096, 100*time.Millisecond).WithPushback(uint(2 * workers))
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, opts)
	must(err)
	var next atomic.Int64
	var wait sync.WaitGroup
	start := time.Now()
	for range workers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			data := make([]byte, size)
			_, err := rand.Read(data)
			must(err)
			for n := next.Add(1); n <= int64(entries); n = next.Add(1) {
				copy(data, strconv.FormatInt(n, 16)+" ")
				_, err := appender.Add(ctx, tessera.NewEntry(append([]byte(nil), data...)))()
				must(err)
			}
		}()
	}
	wait.Wait()
	took := time.Since(start).Seconds()
	must(shutdown(ctx))
	say(map[string]any{"entries": entries, "seconds": took, "per_s": float64(entries) / took})
}

func leaves(bundle []byte) ([][]byte, error) {
	var b api.EntryBundle
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	out := make([][]byte, 0, len(b.Entries))
	for _, e := range b.Entries {
		out = append(out, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return out, nil
}

func check(dir, vkey string, workers int) {
	ctx := context.Background()
	verifier, err := note.NewVerifier(strings.TrimSpace(vkey))
	must(err)
	from := client.FileFetcher{Root: dir}
	start := time.Now()
	must(fsck.New(verifier.Name(), verifier, from, leaves, fsck.Opts{N: uint(workers)}).Check(ctx))
	took := time.Since(start).Seconds()
	cp, _, _, err := client.FetchCheckpoint(ctx, from.ReadCheckpoint, verifier, verifier.Name())
	must(err)
	say(map[string]any{"entries": cp.Size, "seconds": took, "per_s": float64(cp.Size) / took})
}

func main() {
	klog.InitFlags(nil)
	must(flag.Set("stderrthreshold", "FATAL"))
	must(flag.Set("logtostderr", "false"))
	must(flag.Set("alsologtostderr", "false"))
	switch {
	case len(os.Args) == 6 && os.Args[1] == "append":
		add(os.Args[2], number(os.Args[3]), number(os.Args[4]), number(os.Args[5]))
	case len(os.Args) == 5 && os.Args[1] == "fsck":
		check(os.Args[2], os.Args[3], number(os.Args[4]))
	default:
		fmt.Fprintln(os.Stderr, "usage: tessera append DIR ENTRIES SIZE WORKERS | fsck DIR VKEY WORKERS")
		os.Exit(2)
	}
}
