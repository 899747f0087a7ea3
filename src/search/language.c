/* SPDX-License-Identifier: Apache-2.0 */
#include "search/language.h"

#include "base/buf.h"

#include <string.h>

enum { PLAIN = VT_LANGUAGE_PLAIN, CTAGS = VT_LANGUAGE_CTAGS, RULES = VT_LANGUAGE_RULES };

struct row {
    const char *language;
    int symbols;
    /* `.x` is an ending, `#x` an interpreter, another word a whole name; case counts. */
    const char *words;
};

/* The first row that has a word wins. */
static const struct row table[] = {
    {"C", CTAGS, ".c .h"},
    {"C++", CTAGS, ".cc .cpp .cxx .c++ .C .hh .hpp .hxx .h++ .H .inl .ipp .tcc"},
    {"Python", CTAGS,
        ".py .pyi .pyw .pyx .pxd SConstruct SConscript #python #python2 #python3"},
    {"Java", CTAGS, ".java"},
    {"JavaScript", CTAGS, ".js .mjs .cjs .jsx #node #nodejs"},
    {"TypeScript", CTAGS, ".ts .mts .cts .tsx"},
    {"Go", CTAGS, ".go"},
    {"Rust", CTAGS, ".rs"},
    {"Shell", CTAGS,
        ".sh .bash .zsh .ksh .dash .bats .bashrc .profile APKBUILD PKGBUILD "
        "#sh #bash #dash #ksh #zsh"},
    {"Perl", CTAGS, ".pl .pm .t .PL #perl"},
    {"Ruby", CTAGS, ".rb .rake .gemspec Rakefile Gemfile Vagrantfile #ruby"},
    {"PHP", CTAGS, ".php .phtml .php5 .inc #php"},
    {"C#", CTAGS, ".cs"},
    {"Kotlin", CTAGS, ".kt .kts"},
    {"Lua", CTAGS, ".lua #lua"},
    {"Make", CTAGS,
        ".mk .mak Makefile makefile GNUmakefile Makefile.am Makefile.in Kbuild #make"},
    {"CMake", CTAGS, ".cmake CMakeLists.txt"},
    {"Meson", CTAGS, "meson.build meson_options.txt meson.options"},
    {"Autoconf", CTAGS, ".ac configure.in"},
    {"M4", CTAGS, ".m4"},
    {"Assembly", CTAGS, ".s .S .asm .nasm"},
    {"Objective-C", CTAGS, ".m .mm"},
    {"Awk", CTAGS, ".awk .gawk #awk #gawk #mawk"},
    {"Tcl", CTAGS, ".tcl .tk .exp #tclsh #wish #expect"},
    {"Lisp", CTAGS, ".lisp .lsp .cl"},
    {"Emacs Lisp", CTAGS, ".el"},
    {"Scheme", CTAGS, ".scm .ss .sld #guile"},
    {"Clojure", CTAGS, ".clj .cljs .cljc"},
    {"Haskell", CTAGS, ".hs .lhs"},
    {"OCaml", CTAGS, ".ml .mli .mll .mly"},
    {"Erlang", CTAGS, ".erl .hrl"},
    {"Elixir", CTAGS, ".ex .exs"},
    {"Fortran", CTAGS, ".f .for .f77 .f90 .f95 .f03 .F .F90"},
    {"Ada", CTAGS, ".adb .ads"},
    {"Pascal", CTAGS, ".pas .pp .dpr"},
    {"D", CTAGS, ".d .di"},
    {"R", CTAGS, ".r .R #Rscript"},
    {"Julia", CTAGS, ".jl"},
    {"SQL", CTAGS, ".sql"},
    {"Yacc", CTAGS, ".y .yy"},
    {"Lex", CTAGS, ".l .ll .lex"},
    {"Vim script", CTAGS, ".vim .vimrc"},
    {"PowerShell", CTAGS, ".ps1 .psm1 .psd1"},
    {"Batch", CTAGS, ".bat .cmd"},
    {"Verilog", CTAGS, ".v .vh .sv .svh"},
    {"VHDL", CTAGS, ".vhd .vhdl"},
    {"Protocol Buffers", CTAGS, ".proto"},
    {"Thrift", CTAGS, ".thrift"},
    {"YARA", RULES, ".yar .yara"},
    {"Swift", PLAIN, ".swift"},
    {"Scala", PLAIN, ".scala .sc"},
    {"Dart", PLAIN, ".dart"},
    {"Zig", PLAIN, ".zig"},
    {"Nim", PLAIN, ".nim"},
    {"Nix", PLAIN, ".nix"},
    {"Groovy", PLAIN, ".groovy .gradle Jenkinsfile"},
    {"Starlark", PLAIN, ".bzl BUILD BUILD.bazel WORKSPACE"},
    {"Vue", PLAIN, ".vue"},
    {"Svelte", PLAIN, ".svelte"},
    {"HTML", PLAIN, ".html .htm .xhtml"},
    {"CSS", PLAIN, ".css .scss .sass .less"},
    {"JSON", PLAIN, ".json .jsonl .webmanifest"},
    {"YAML", PLAIN, ".yaml .yml"},
    {"TOML", PLAIN, ".toml Cargo.lock"},
    {"INI", PLAIN, ".ini .cfg .conf .properties .service .socket .desktop .gitconfig"},
    {"XML", PLAIN, ".xml .xsd .xsl .xslt .svg .csproj .vcxproj .plist .ui"},
    {"Markdown", PLAIN, ".md .markdown"},
    {"reStructuredText", PLAIN, ".rst"},
    {"TeX", PLAIN, ".tex .sty .bib .texi .texinfo"},
    {"Manual page", PLAIN, ".1 .2 .3 .4 .5 .6 .7 .8"},
    {"Diff", PLAIN, ".diff .patch"},
    {"Dockerfile", PLAIN, ".dockerfile Dockerfile Containerfile"},
    {"Linker script", PLAIN, ".ld .lds .map"},
    {"Text", PLAIN, ".txt README LICENSE COPYING NEWS ChangeLog AUTHORS INSTALL"},
};

/* Whether the row has the word kind+text; kind 0: a whole name. */
static bool
row_has(const struct row *row, char kind, const char *text, size_t len)
{
    struct vt_reader rest = VT_READER(row->words, strlen(row->words));
    struct vt_reader word;
    uint8_t first;

    while (vt_reader_word(&rest, ' ', &word)) {
        first = word.left > 0 ? word.p[0] : 0;
        if (kind == '\0' ? first == '.' || first == '#'
                         : !vt_reader_u8(&word, &first) || first != (uint8_t)kind)
            continue;
        if (word.left == len && memcmp(word.p, text, len) == 0)
            return true;
    }
    return false;
}

static const char *
find(char kind, const char *text, size_t len)
{
    for (size_t i = 0; len > 0 && i < sizeof table / sizeof table[0]; i++) {
        if (row_has(&table[i], kind, text, len))
            return table[i].language;
    }
    return "";
}

/* The program that a #! line names: the last part of its path, or of env's first argument that
 * is neither an option nor a setting; a version after it does not count ("python3.11"). */
static const char *
by_first_line(const void *data, size_t len)
{
    struct vt_reader line = VT_READER(data, len < 256 ? len : 256);
    struct vt_reader rest = line;
    struct vt_reader word;

    if (!vt_reader_skip(&rest, "#!"))
        return "";
    line = rest;
    if (!vt_reader_line(&rest, &line))
        line = rest;
    while (vt_reader_word(&line, ' ', &word)) {
        struct vt_reader name;
        size_t cut;

        if (word.left == 0 || word.p[0] == '-' || memchr(word.p, '=', word.left) != NULL)
            continue;
        while (vt_reader_word(&word, '/', &name))
            continue;
        if (vt_reader_is(&name, "env"))
            continue;
        for (cut = 0; cut < name.left && name.p[cut] != '.' && name.p[cut] > ' '; cut++)
            continue;
        return find('#', (const char *)name.p, cut);
    }
    return "";
}

const char *
vt_language_of(const char *name, const void *data, size_t len)
{
    const char *ending = strrchr(name, '.');
    const char *language = find('\0', name, strlen(name));

    if (language[0] == '\0' && ending != NULL)
        language = find('.', ending + 1, strlen(ending + 1));
    return language[0] != '\0' ? language : by_first_line(data, len);
}

enum vt_language_symbols
vt_language_symbols(const char *language)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].language, language) == 0)
            return (enum vt_language_symbols)table[i].symbols;
    }
    return VT_LANGUAGE_PLAIN;
}
