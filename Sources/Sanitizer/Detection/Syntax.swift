/// What a file's name says about how it is written; the rules use it only where the bytes alone are ambiguous.
enum Syntax: Sendable {
    case json, yaml, toml, dotenv, ini, shell, code, markdown, log, table, markup, plain

    /// From the last component of a path.
    init(name: [UInt8]) {
        let last = name.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        let file = String(decoding: name[last...].map(lowered), as: UTF8.self)
        let ending = file.split(separator: ".", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        if file == ".env" || file.hasPrefix(".env.") || ending == "env" || file == ".envrc"
            || file.hasSuffix("env.example")
        {
            self = .dotenv
            return
        }
        self = Self.endings[ending] ?? (file.hasPrefix(".") && file.hasSuffix("rc") ? .ini : .plain)
    }

    /// By what stands after a name's last dot.
    private static let endings: [String: Syntax] = {
        let endings: [(Syntax, String)] = [
            (.json, "json jsonl ndjson json5 jsonc ipynb har"), (.yaml, "yaml yml"), (.toml, "toml"),
            (.ini, "ini cfg conf config properties npmrc pypirc cnf rc tfvars gitconfig service"),
            (.shell, "sh bash zsh fish history bash_history zsh_history ps1 bat cmd profile bashrc"),
            (
                .code,
                """
                py js mjs cjs ts tsx jsx go rs rb php java kt kts cs c h cc cpp hpp swift m mm scala hs ex exs erl clj lua \
                pl pm r dart groovy vb fs erb vue svelte sql jl nim zig pyi pyx pxd cxx hxx hh inc ml mli vim el proto sol \
                f90 td scm rkt lisp lsp cljs cljc edn bas vba
                """
            ),
            (.markdown, "md markdown rst adoc org txt"), (.log, "log out err"), (.table, "csv tsv"),
            (.markup, "xml html htm xhtml plist svg axaml xaml csproj"),
        ]
        return Dictionary(
            uniqueKeysWithValues: endings.flatMap { syntax, list in
                list.split(separator: " ").map { (String($0), syntax) }
            })
    }()

    /// Whether a bare word after `=` or `:` is a variable or a type more often than a value.
    var isCode: Bool { self == .code }
    /// Whether a bare word after `=` or `:` is a value.
    var isConfiguration: Bool {
        switch self {
        case .yaml, .dotenv, .ini, .shell: true
        default: false
        }
    }
}
