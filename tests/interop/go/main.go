// SPDX-License-Identifier: Apache-2.0

// Checks a Vitrine log with the Go project's own packages for signed notes and
// transparency logs, over HTTP:
//
//	interop URL VKEY [PROOF ENTRY]
//
// URL is where the log's files are, VKEY its verifier key; PROOF is a tlog-proof
// that `vitrine log prove` wrote, for the entry in the file ENTRY. One line a check,
// the last one counting them; exit code 1 when one failed.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

// site fetches a log's files. It is a tlog.TileReader.
type site struct {
	url    string
	client http.Client
}

func (s *site) get(path string) ([]byte, error) {
	r, err := s.client.Get(s.url + "/" + path)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, r.Status)
	}
	return io.ReadAll(io.LimitReader(r.Body, 32<<20))
}

func (s *site) Height() int { return tileHeight }

func (s *site) SaveTiles([]tlog.Tile, [][]byte) {}

// The Go checksum database has the tile's height in its paths; C2SP's tiles,
// which are always 8 high, have not.
func (s *site) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		data, err := s.get(strings.Replace(t.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// entries reads all entries of a tree of n, bundle by bundle.
func (s *site) entries(n int64) ([][]byte, error) {
	var all [][]byte
	for first := int64(0); first < n; first += 256 {
		t := tlog.Tile{H: tileHeight, L: 0, N: first / 256, W: int(min(n-first, 256))}
		data, err := s.get(strings.Replace(t.Path(), "tile/8/0/", "tile/entries/", 1))
		if err != nil {
			return nil, err
		}
		for i := 0; i < t.W; i++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, errors.New("a bundle is too short")
			}
			size := int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:2+size])
			data = data[2+size:]
		}
		if len(data) != 0 {
			return nil, errors.New("a bundle is too long")
		}
	}
	return all, nil
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

// openCheckpoint verifies a checkpoint's signature and reads its tree.
func openCheckpoint(data []byte, v note.Verifier) (tlog.Tree, error) {
	var tree tlog.Tree
	n, err := note.Open(data, note.VerifierList(v))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != v.Name() || lines[3] != "" {
		return tree, errors.New("the checkpoint has not the three lines that it should have")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// checks counts what passed and what failed.
type checks struct{ passed, failed int }

func (c *checks) check(name string, err error) {
	if err == nil {
		c.passed++
		fmt.Println("ok    ", name)
		return
	}
	c.failed++
	fmt.Println("FAILED", name+":", err)
}

// refuses turns a check around: an error is what is wanted.
func refuses(err error) error {
	if err == nil {
		return errors.New("accepted")
	}
	return nil
}

// inclusion proves every entry to be in the tree, and a changed one not.
func inclusion(tree tlog.Tree, hashes tlog.HashReader, entries [][]byte) error {
	for i, e := range entries {
		p, err := tlog.ProveRecord(tree.N, int64(i), hashes)
		if err != nil {
			return err
		}
		if err = tlog.CheckRecord(p, tree.N, tree.Hash, int64(i), tlog.RecordHash(e)); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		changed := append([]byte{}, e...)
		changed[0] ^= 1
		if tlog.CheckRecord(p, tree.N, tree.Hash, int64(i), tlog.RecordHash(changed)) == nil {
			return fmt.Errorf("entry %d is accepted when it is changed", i)
		}
	}
	return nil
}

// consistency proves every smaller tree to be the beginning of this one.
func consistency(tree tlog.Tree, hashes tlog.HashReader) error {
	for old := int64(1); old <= tree.N; old++ {
		root, err := tlog.TreeHash(old, hashes)
		if err != nil {
			return err
		}
		p, err := tlog.ProveTree(tree.N, old, hashes)
		if err != nil {
			return err
		}
		if err = tlog.CheckTree(p, tree.N, tree.Hash, old, root); err != nil {
			return fmt.Errorf("from size %d: %w", old, err)
		}
		root[0] ^= 1
		if tlog.CheckTree(p, tree.N, tree.Hash, old, root) == nil {
			return fmt.Errorf("a wrong root of size %d is accepted", old)
		}
	}
	return nil
}

// proofFile checks what `vitrine log prove` wrote (C2SP tlog-proof).
func proofFile(proof, entry []byte, v note.Verifier) error {
	head, checkpoint, found := bytes.Cut(proof, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a tlog-proof")
	}
	if strings.HasPrefix(lines[1], "extra ") { // the application's own, and optional
		lines = lines[1:]
		if len(lines) < 2 {
			return errors.New("a tlog-proof without an index")
		}
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	var path tlog.RecordProof
	for _, line := range lines[2:] {
		h, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(h) != tlog.HashSize {
			return errors.New("a hash of the path does not parse")
		}
		path = append(path, *(*tlog.Hash)(h))
	}
	tree, err := openCheckpoint(checkpoint, v)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

func run(c *checks, url, vkey string, files []string) error {
	s := &site{url: strings.TrimSuffix(url, "/"), client: http.Client{Timeout: 30 * time.Second}}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	data, err := s.get("checkpoint")
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(data, v)
	c.check("note: the checkpoint's signature", err)
	_, err = openCheckpoint(bytes.Replace(data, []byte("\n"), []byte(" \n"), 1), v)
	c.check("note: a changed checkpoint is refused", refuses(err))

	hashes := tlog.TileHashReader(tree, s)
	entries, err := s.entries(tree.N)
	c.check(fmt.Sprintf("tiles: %d entries in bundles", len(entries)), err)
	c.check("tlog: an inclusion proof for every entry", inclusion(tree, hashes, entries))
	c.check("tlog: a consistency proof from every size", consistency(tree, hashes))
	if len(files) == 2 {
		proof, err := os.ReadFile(files[0])
		if err != nil {
			return err
		}
		entry, err := os.ReadFile(files[1])
		if err != nil {
			return err
		}
		c.check("tlog-proof: vitrine's own proof file", proofFile(proof, entry, v))
		c.check("tlog-proof: refused for another entry", refuses(proofFile(proof, entry[1:], v)))
	}
	return nil
}

func main() {
	if len(os.Args) != 3 && len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: interop URL VKEY [PROOF ENTRY]")
		os.Exit(2)
	}
	var c checks
	if err := run(&c, os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		c.check("the log can be read", err)
	}
	fmt.Printf("%d passed, %d failed\n", c.passed, c.failed)
	if c.failed > 0 {
		os.Exit(1)
	}
}
