/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/secret.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* Checks the opened file, so that nobody can swap it in between. */
static enum vt_err
check_private(int fd, const char *path, struct vt_why *why)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return vt_fail_errno(why, "%s: cannot examine", path);
    if (!S_ISREG(st.st_mode))
        return vt_fail(
            why, VT_E_CONFIG, "%s: not a regular file, as a secret must be in", path);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return vt_fail(why, VT_E_CONFIG,
            "%s: belongs to user %u, not to you; use a file of yours", path,
            (unsigned)st.st_uid);
    if ((st.st_mode & 077) != 0)
        return vt_fail(why, VT_E_CONFIG,
            "%s: others may use it (mode %04o); run `chmod 600 %s`", path,
            (unsigned)(st.st_mode & 07777), path);
    return VT_OK;
}

static enum vt_err
read_secret_fd(int fd, struct vt_buf *b, struct vt_why *why)
{
    size_t room = b->max - b->len;
    uint8_t *p = vt_buf_reserve(b, room);
    uint8_t past;
    size_t got = 0;
    enum vt_err err;

    if (p == NULL)
        return vt_buf_check(b, "secret", why);
    err = vt_fd_read(fd, p, room, &got, why);
    if (err != VT_OK)
        return err;
    if (got == room) {
        size_t more = 0;
        err = vt_fd_read(fd, &past, 1, &more, why);
        if (err == VT_OK && more > 0)
            err = vt_fail(why, VT_E_LIMIT, "longer than the limit of %zu bytes", b->max);
        if (err != VT_OK)
            return err;
    }
    vt_buf_commit(b, got);
    return VT_OK;
}

enum vt_err
vt_secret_read(const char *path, struct vt_buf *b, struct vt_why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    enum vt_err err;

    if (fd < 0 && errno == ELOOP)
        return vt_fail(why, VT_E_CONFIG, "%s: a symbolic link; name the file itself", path);
    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open", path);
    b->secret = true;
    err = check_private(fd, path, why);
    if (err == VT_OK) {
        err = read_secret_fd(fd, b, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", path);
    }
    (void)close(fd);
    return err;
}

enum vt_err
vt_passphrase_from_file(const char *path, struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf all = VT_BUF(VT_PASSPHRASE_MAX);
    struct vt_reader r;
    struct vt_reader line;
    enum vt_err err = vt_secret_read(path, &all, why);

    b->secret = true;
    if (err == VT_OK) {
        r = VT_READER(all.data, all.len);
        if (!vt_reader_word(&r, '\n', &line) || line.left == 0 ||
            memchr(line.p, 0, line.left) != NULL)
            err = vt_fail(why, VT_E_CONFIG, "%s: its first line holds no passphrase", path);
    }
    if (err == VT_OK) {
        vt_buf_put(b, line.p, line.left);
        err = vt_buf_check(b, "passphrase", why);
    }
    vt_buf_release(&all);
    return err;
}

/* One line from the terminal, without its newline; `stop` is the character that
 * interrupts. */
static enum vt_err
read_line(int tty, char stop, struct vt_buf *b, struct vt_why *why)
{
    for (size_t n = 0;;) {
        char c = '\n';
        ssize_t got = read(tty, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return vt_fail_errno(why, "/dev/tty: cannot read the passphrase");
        if (c == stop)
            return vt_fail(why, VT_E_CONFIG, "interrupted; no passphrase was typed");
        if (c == '\n') /* also at the end of input */
            return n > 0 ? VT_OK : vt_fail(why, VT_E_CONFIG, "no passphrase was typed");
        if (++n > VT_PASSPHRASE_MAX)
            return vt_fail(
                why, VT_E_LIMIT, "the passphrase is longer than %d bytes", VT_PASSPHRASE_MAX);
        vt_buf_put(b, &c, 1);
    }
}

/* Asks on a terminal whose settings were `shown`. While nothing is shown an
 * interrupt must not end this process or a parent that takes it along, or the
 * terminal would stay mute: the interrupt character ends the line instead. */
static enum vt_err
ask_hidden(int tty, const struct termios *shown, const char *prompt, struct vt_buf *b,
    struct vt_why *why)
{
    struct termios hidden = *shown;
    char text[256];
    enum vt_err err;

    hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ISIG);
    hidden.c_lflag |= ICANON;
    hidden.c_cc[VEOL] = shown->c_cc[VINTR];
    if (tcsetattr(tty, TCSAFLUSH, &hidden) != 0)
        return vt_fail_errno(why, "/dev/tty: cannot hide what is typed");
    vt_text_clean(text, sizeof text, prompt, strlen(prompt));
    err = vt_fd_write(tty, text, strlen(text), why);
    if (err == VT_OK)
        err = vt_fd_write(tty, ": ", 2, why);
    if (err == VT_OK)
        err = read_line(tty, (char)shown->c_cc[VINTR], b, why);
    (void)tcsetattr(tty, TCSAFLUSH, shown);
    if (err == VT_OK)
        err = vt_fd_write(tty, "\n", 1, why);
    return err;
}

enum vt_err
vt_passphrase_ask(const char *prompt, struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf line = {.max = VT_PASSPHRASE_MAX, .secret = true};
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct termios shown;
    enum vt_err err;

    b->secret = true;
    if (tty < 0)
        return vt_fail(why, VT_E_CONFIG,
            "%s: no terminal to ask at; name a file in VITRINE_PASSPHRASE_FILE", prompt);
    if (tcgetattr(tty, &shown) != 0)
        err = vt_fail_errno(why, "/dev/tty: cannot hide what is typed");
    else
        err = ask_hidden(tty, &shown, prompt, &line, why);
    (void)close(tty);
    if (err == VT_OK) {
        vt_buf_put(b, line.data, line.len);
        err = vt_buf_check(b, "passphrase", why);
    }
    vt_buf_release(&line);
    return err;
}

enum vt_err
vt_passphrase_get(const char *what, struct vt_buf *b, struct vt_why *why)
{
    const char *path = getenv("VITRINE_PASSPHRASE_FILE");
    char prompt[VT_PATH_MAX + 32];

    if (path != NULL && path[0] != '\0')
        return vt_passphrase_from_file(path, b, why);
    (void)snprintf(prompt, sizeof prompt, "passphrase of %.*s", VT_PATH_MAX, what);
    return vt_passphrase_ask(prompt, b, why);
}
