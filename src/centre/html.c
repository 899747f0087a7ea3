/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/html.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

/* One style for light and dark, wide and narrow (360 px). */
static const char style[] =
    ":root{color-scheme:light dark;--bg:#fbfaf7;--card:#fff;--ink:#1d2129;--dim:#5b6472;"
    "--line:#dcd9d0;--accent:#0b5d57;--good:#1a6b34;--goodbg:#e6f3ea;--bad:#9c2517;"
    "--badbg:#fbe9e6}"
    "@media(prefers-color-scheme:dark){:root{--bg:#14171c;--card:#1c2027;--ink:#e7e9ec;"
    "--dim:#a0a8b4;--line:#333a45;--accent:#63c5ba;--good:#7bd093;--goodbg:#17301f;"
    "--bad:#ff9d8f;--badbg:#3a1b17}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--bg);color:var(--ink);"
    "font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
    "main{max-width:64rem;margin:0 auto;padding:1.5rem 1rem 4rem}"
    "h1{font-size:1.7rem;line-height:1.2;margin:.2rem 0}"
    "h2{font-size:1.2rem;margin:2.4rem 0 .6rem}"
    "h3{font-size:1.05rem;margin:0}"
    "p{margin:.4rem 0;max-width:46rem}"
    "a{color:var(--accent)}a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}"
    "code,.mono,pre{font:.875em/1.5 ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace}"
    "pre{background:var(--card);border:1px solid var(--line);border-radius:.5rem;"
    "padding:.8rem;margin:.6rem 0;white-space:pre-wrap;overflow-wrap:anywhere}"
    ".dim{color:var(--dim)}.small{font-size:.875rem}"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:.7rem;"
    "padding:1rem;margin:.8rem 0}"
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.8rem;"
    "margin:0}.facts div{min-width:0}"
    "dt{color:var(--dim);font-size:.85rem}dd{margin:0;overflow-wrap:anywhere}"
    ".gloss dt{color:var(--ink);font-weight:600;margin-top:.6rem;font-size:1rem}"
    ".chain{list-style:none;margin:.8rem 0 0;padding:0;display:grid;gap:.5rem;"
    "grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr))}"
    ".chain li{border:1px solid var(--line);border-top:.25rem solid var(--good);"
    "border-radius:.4rem;padding:.5rem .6rem;min-width:0;overflow-wrap:anywhere}"
    ".chain li.missing{border-top-color:var(--bad)}"
    ".chain b{display:block}"
    ".tag{display:inline-block;border-radius:1rem;padding:0 .6rem;font-size:.85rem;"
    "background:var(--goodbg);color:var(--good)}"
    ".tag.bad{background:var(--badbg);color:var(--bad)}"
    ".alert{background:var(--badbg);color:var(--bad);border-radius:.5rem;padding:.7rem 1rem}"
    ".scroll{overflow-x:auto}"
    "table{border-collapse:collapse;width:100%;font-size:.9375rem}"
    "th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line);"
    "vertical-align:top}th{color:var(--dim);font-weight:500;white-space:nowrap}"
    "td.n{white-space:nowrap}"
    "ul.plain{list-style:none;padding:0;margin:.4rem 0}"
    "footer{margin-top:3rem;color:var(--dim);font-size:.875rem}";

void
vt_html_text_n(struct vt_buf *b, const void *s, size_t len)
{
    const char *p = s;

    for (size_t i = 0; i < len; i++) {
        switch (p[i]) {
        case '&':
            vt_buf_puts(b, "&amp;");
            break;
        case '<':
            vt_buf_puts(b, "&lt;");
            break;
        case '>':
            vt_buf_puts(b, "&gt;");
            break;
        case '"':
            vt_buf_puts(b, "&quot;");
            break;
        case '\'':
            vt_buf_puts(b, "&#39;");
            break;
        default:
            /* Control characters have no business in a page. */
            if ((unsigned char)p[i] < 0x20 && p[i] != '\n')
                vt_buf_puts(b, "\xef\xbf\xbd");
            else
                vt_buf_put(b, &p[i], 1);
        }
    }
}

void
vt_html_text(struct vt_buf *b, const char *s)
{
    vt_html_text_n(b, s, strlen(s));
}

void
vt_html_path(struct vt_buf *b, const char *path)
{
    for (const char *p = path; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~/", c) != NULL)
            vt_buf_put_u8(b, c);
        else
            vt_buf_putf(b, "%%%02X", c);
    }
}

void
vt_html_digest(struct vt_buf *b, const struct vt_digest *d)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(d, hex);
    vt_buf_putf(b, "<code title=\"sha256:%s\">%.8s…</code>", hex, hex);
}

void
vt_html_time(struct vt_buf *b, uint64_t t)
{
    char text[VT_TIME_SIZE];

    if (t == 0 || t > INT64_MAX) {
        vt_buf_puts(b, "never");
        return;
    }
    vt_time_format((int64_t)t, text);
    vt_buf_putf(b, "<time datetime=\"%s\">%.10s %.8s UTC</time>", text, text, text + 11);
}

void
vt_html_size(struct vt_buf *b, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double v = (double)bytes;
    size_t u = 0;

    if (bytes < 1024) {
        vt_buf_putf(b, "%llu bytes", (unsigned long long)bytes);
        return;
    }
    for (v /= 1024; v >= 1024 && u < 3; u++)
        v /= 1024;
    vt_buf_putf(b, "%.1f %s", v, units[u]);
}

void
vt_html_head(struct vt_buf *b, const char *title)
{
    vt_buf_puts(b, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                   "<title>");
    vt_html_text(b, title);
    vt_buf_puts(b, "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>");
    vt_buf_puts(b, style);
    vt_buf_puts(b, "</style>\n</head>\n");
}

void
vt_html_csp(char *ret, size_t size)
{
    struct vt_buf b = VT_BUF(128);
    struct vt_digest d;

    vt_digest_of(style, sizeof(style) - 1, &d);
    vt_buf_put_b64(&b, d.b, sizeof(d.b));
    (void)snprintf(ret, size,
        "default-src 'none'; style-src 'sha256-%s'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
        vt_buf_str(&b));
    vt_buf_release(&b);
}
