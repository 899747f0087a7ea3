// SPDX-License-Identifier: Apache-2.0

// Checks a Vitrine log and a Vitrine witness with the libraries of the transparency-dev project:
//
//	transparency log URL VKEY [WITNESS-VKEY]...    every proof of a log, and cosignatures on its checkpoint
//	transparency witness URL WITNESS-VKEY [MLDSA-VKEY]
//	                                               a log made here asks the witness, which follows
//	                                               the log whose vkey `transparency vkey` prints
//	transparency vkey
//
// One line a check, the last one counting them; exit code 1 when one failed.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

const origin = "interop.example/go-log"

// A key of a test, that everybody knows: RFC 8032's seed would do as well.
var seed = sha256.Sum256([]byte("vitrine interop: a log of no value"))

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

var client = http.Client{Timeout: 30 * time.Second}

func get(url string) ([]byte, error) {
	r, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, r.Status)
	}
	return io.ReadAll(io.LimitReader(r.Body, 32<<20))
}

// tree is a whole Merkle tree in memory, by the library's own hasher.
type tree struct{ levels [][][]byte }

func (t *tree) add(leaf []byte) {
	h := rfc6962.DefaultHasher.HashLeaf(leaf)
	for l := 0; ; l++ {
		if l == len(t.levels) {
			t.levels = append(t.levels, nil)
		}
		t.levels[l] = append(t.levels[l], h)
		n := len(t.levels[l])
		if n%2 != 0 {
			return
		}
		h = rfc6962.DefaultHasher.HashChildren(t.levels[l][n-2], t.levels[l][n-1])
	}
}

func (t *tree) node(id compact.NodeID) []byte { return t.levels[id.Level][id.Index] }

func (t *tree) root(size uint64) []byte {
	r := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for i := uint64(0); i < size; i++ {
		if err := r.Append(t.levels[0][i], nil); err != nil {
			panic(err)
		}
	}
	root, err := r.GetRootHash(nil)
	if err != nil {
		panic(err)
	}
	if size == 0 {
		return rfc6962.DefaultHasher.EmptyRoot()
	}
	return root
}

func (t *tree) prove(nodes proof.Nodes) [][]byte {
	var hashes [][]byte
	for _, id := range nodes.IDs {
		hashes = append(hashes, t.node(id))
	}
	p, err := nodes.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		panic(err)
	}
	return p
}

// bundles reads all entries of a log of that size.
func bundles(url string, size uint64) ([][]byte, error) {
	var all [][]byte
	for n := uint64(0); n*256 < size; n++ {
		path := fmt.Sprintf("%03d", n%1000)
		for high := n / 1000; high > 0; high /= 1000 {
			path = fmt.Sprintf("x%03d/%s", high%1000, path)
		}
		width := min(size-n*256, 256)
		if width < 256 {
			path += fmt.Sprintf(".p/%d", width)
		}
		data, err := get(url + "/tile/entries/" + path)
		if err != nil {
			return nil, err
		}
		for range width {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, errors.New("a bundle is too short")
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:end])
			data = data[end:]
		}
		if len(data) != 0 {
			return nil, errors.New("a bundle is too long")
		}
	}
	return all, nil
}

func everyProof(t *tree, size uint64, root []byte) error {
	for i := uint64(0); i < size; i++ {
		nodes, err := proof.Inclusion(i, size)
		if err != nil {
			return err
		}
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, i, size, t.levels[0][i], t.prove(nodes), root); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return nil
}

// servedProof checks what the log answers at /proof/INDEX.
func servedProof(url string, index uint64, entry []byte, v note.Verifier) error {
	data, err := get(fmt.Sprintf("%s/proof/%d", url, index))
	if err != nil {
		return err
	}
	head, checkpoint, found := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || lines[1] != fmt.Sprintf("index %d", index) {
		return errors.New("not the tlog-proof of that entry")
	}
	var path [][]byte
	for _, line := range lines[2:] {
		h, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(h) != 32 {
			return errors.New("a hash of the path does not parse")
		}
		path = append(path, h)
	}
	cp, _, _, err := log.ParseCheckpoint(checkpoint, v.Name(), v)
	if err != nil {
		return err
	}
	return proof.VerifyInclusion(rfc6962.DefaultHasher, index, cp.Size, rfc6962.DefaultHasher.HashLeaf(entry), path, cp.Hash)
}

func checkLog(c *checks, url, vkey string, witnesses []string) error {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	data, err := get(url + "/checkpoint")
	if err != nil {
		return err
	}
	cp, _, _, err := log.ParseCheckpoint(data, v.Name(), v)
	c.check("formats: the checkpoint", err)
	if err != nil {
		return nil
	}
	for _, key := range witnesses {
		w, err := fnote.NewVerifierForCosignatureV1(key)
		if err == nil {
			_, err = note.Open(data, note.VerifierList(w))
		}
		c.check("formats: a witness's cosignature on it", err)
	}
	entries, err := bundles(url, cp.Size)
	if err != nil {
		return err
	}
	var t tree
	for _, e := range entries {
		t.add(e)
	}
	if !bytes.Equal(t.root(cp.Size), cp.Hash) {
		err = errors.New("another root")
	}
	c.check(fmt.Sprintf("merkle: %d entries give its root", cp.Size), err)
	c.check("merkle: an inclusion proof for every entry", everyProof(&t, cp.Size, cp.Hash))
	for _, i := range []uint64{0, cp.Size / 2, cp.Size - 1} {
		c.check(fmt.Sprintf("merkle: the proof that is served for entry %d", i), servedProof(url, i, entries[i], v))
	}
	return nil
}

// goLog is a log of ours that asks the witness.
type goLog struct {
	tree
	signer note.Signer
	url    string
}

// signerOf gives the signer of that name whose key follows from the seed, and its vkey.
func signerOf(name string, seed [32]byte) (note.Signer, string, error) {
	pub := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(name, pub)
	if err != nil {
		return nil, "", err
	}
	hash := strings.Split(vkey, "+")[1]
	key := base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...))
	s, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + key)
	return s, vkey, err
}

func (l *goLog) sign(cp log.Checkpoint, signers ...note.Signer) []byte {
	data, err := note.Sign(&note.Note{Text: string(cp.Marshal())}, signers...)
	if err != nil {
		panic(err)
	}
	return data
}

func (l *goLog) checkpoint(size uint64) []byte {
	return l.sign(log.Checkpoint{Origin: origin, Size: size, Hash: l.root(size)}, l.signer)
}

func (l *goLog) proof(old, size uint64) [][]byte {
	if old == 0 || old >= size {
		return nil
	}
	nodes, err := proof.Consistency(old, size)
	if err != nil {
		panic(err)
	}
	return l.prove(nodes)
}

func body(old uint64, path [][]byte, checkpoint []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	for _, h := range path {
		fmt.Fprintln(&b, base64.StdEncoding.EncodeToString(h))
	}
	b.WriteByte('\n')
	b.Write(checkpoint)
	return b.Bytes()
}

func (l *goLog) ask(body []byte) (int, string, []byte, error) {
	r, err := client.Post(l.url+"/add-checkpoint", "text/plain", bytes.NewReader(body))
	if err != nil {
		return 0, "", nil, err
	}
	defer r.Body.Close()
	data, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	return r.StatusCode, r.Header.Get("Content-Type"), data, err
}

func (l *goLog) expect(c *checks, name string, status int, body []byte) []byte {
	got, kind, data, err := l.ask(body)
	if err == nil && got != status {
		err = fmt.Errorf("status %d, not %d: %s", got, status, data)
	}
	if err == nil && status == 409 && !strings.HasPrefix(kind, "text/x.tlog.size") {
		err = fmt.Errorf("content type %q", kind)
	}
	c.check(fmt.Sprintf("witness: %d: %s", status, name), err)
	return data
}

// cosigned verifies the witness's answer as the log would, with its checkpoint.
func cosigned(checkpoint, answer []byte, v note.Verifier, from time.Time) error {
	n, err := note.Open(append(append([]byte{}, checkpoint...), answer...), note.VerifierList(v))
	if err != nil {
		return err
	}
	at, err := fnote.CoSigV1Timestamp(n.Sigs[0])
	if err != nil {
		return err
	}
	if at.Before(from.Add(-2*time.Second)) || at.After(time.Now().Add(2*time.Second)) {
		return fmt.Errorf("cosigned at %v", at)
	}
	return nil
}

// The table of C2SP tlog-witness, each row asked of the running witness.
func checkWitness(c *checks, url, vkey string, more []string) error {
	start := time.Now()
	signer, _, err := signerOf(origin, seed)
	if err != nil {
		return err
	}
	v, err := fnote.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		return err
	}
	stranger, _, err := signerOf(origin, sha256.Sum256([]byte("another key")))
	if err != nil {
		return err
	}
	other, _, err := signerOf("unknown.example/log", seed)
	if err != nil {
		return err
	}
	l := &goLog{signer: signer, url: url}
	fork := &goLog{signer: signer, url: url}
	for i := range 20 {
		l.add([]byte(fmt.Sprintf("entry %d\n", i)))
		fork.add([]byte(fmt.Sprintf("forked %d\n", i)))
	}
	empty := log.Checkpoint{Origin: origin, Size: 0, Hash: l.root(0)}
	c5 := l.checkpoint(5)

	answer := l.expect(c, "an empty tree, first of all", 200, body(0, nil, l.sign(empty, signer)))
	c.check("formats: its cosignature", cosigned(l.sign(empty, signer), answer, v, start))
	l.expect(c, "an empty tree with another root", 422, body(0, nil, l.sign(log.Checkpoint{Origin: origin, Size: 0, Hash: l.root(1)}, signer)))
	l.expect(c, "a proof with old 0", 422, body(0, l.proof(3, 5), c5))
	answer = l.expect(c, "the first entries", 200, body(0, nil, c5))
	c.check("formats: its cosignature", cosigned(c5, answer, v, start))
	answer = l.expect(c, "the same checkpoint again", 200, body(5, nil, c5))
	c.check("formats: its cosignature", cosigned(c5, answer, v, start))
	data := l.expect(c, "an old that is not the recorded size", 409, body(3, l.proof(3, 10), l.checkpoint(10)))
	if string(data) != "5\n" {
		err = fmt.Errorf("%q", data)
	}
	c.check("witness: 409 says the size", err)
	err = nil
	l.expect(c, "old 0 when it knows more", 409, body(0, nil, l.checkpoint(10)))
	l.expect(c, "old above the checkpoint's size", 400, body(5, nil, l.checkpoint(4)))
	l.expect(c, "another root of the same size", 422, body(5, nil, fork.checkpoint(5)))
	l.expect(c, "a proof of another tree", 422, body(5, fork.proof(5, 10), l.checkpoint(10)))
	l.expect(c, "a tree that does not go on", 422, body(5, fork.proof(5, 10), fork.checkpoint(10)))
	l.expect(c, "no proof", 422, body(5, nil, l.checkpoint(10)))
	l.expect(c, "an origin that it does not know", 404, body(0, nil, l.sign(log.Checkpoint{Origin: "unknown.example/log", Size: 5, Hash: l.root(5)}, other)))
	l.expect(c, "no signature of a trusted key", 403, body(5, l.proof(5, 10), l.sign(log.Checkpoint{Origin: origin, Size: 10, Hash: l.root(10)}, stranger)))
	forged := bytes.Replace(l.checkpoint(10), []byte("\n10\n"), []byte("\n11\n"), 1)
	l.expect(c, "a trusted key whose signature fails", 403, body(5, l.proof(5, 11), forged))
	l.expect(c, "no first line", 400, l.checkpoint(10))
	l.expect(c, "a proof line that is no base64", 400, append([]byte("old 5\n!\n\n"), l.checkpoint(10)...))
	l.expect(c, "no checkpoint", 400, []byte("old 5\n\n"))
	l.expect(c, "64 lines of proof", 400, body(5, slices.Repeat([][]byte{make([]byte, 32)}, 64), l.checkpoint(10)))
	for old, size := uint64(5), uint64(6); size <= 20; old, size = size, size+3 {
		cp := l.checkpoint(size)
		answer = l.expect(c, fmt.Sprintf("it grows from %d to %d", old, size), 200, body(old, l.proof(old, size), cp))
		c.check("formats: its cosignature", cosigned(cp, answer, v, start))
		if len(more) == 1 {
			m, err := fnote.NewMLDSAVerifier(more[0])
			if err == nil {
				err = cosigned(cp, answer, m, start)
			}
			c.check("formats: its ML-DSA-44 cosignature", err)
		}
	}
	return nil
}

func main() {
	var c checks
	var err error
	switch {
	case len(os.Args) >= 4 && os.Args[1] == "log":
		err = checkLog(&c, strings.TrimSuffix(os.Args[2], "/"), os.Args[3], os.Args[4:])
	case len(os.Args) >= 4 && len(os.Args) <= 5 && os.Args[1] == "witness":
		err = checkWitness(&c, strings.TrimSuffix(os.Args[2], "/"), os.Args[3], os.Args[4:])
	case len(os.Args) == 2 && os.Args[1] == "vkey":
		_, vkey, err := signerOf(origin, seed)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(vkey)
		return
	default:
		fmt.Fprintln(os.Stderr, "usage: transparency log URL VKEY [WITNESS-VKEY]... | witness URL VKEY [MLDSA-VKEY] | vkey")
		os.Exit(2)
	}
	if err != nil {
		c.check("it can be asked", err)
	}
	fmt.Printf("%d passed, %d failed\n", c.passed, c.failed)
	if c.failed > 0 {
		os.Exit(1)
	}
}
