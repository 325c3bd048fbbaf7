/// `.env` as a template: names and comments, no values.
struct DotenvTemplate {
    /// The template's text. Its comments are still to be scanned.
    let text: [UInt8]
    /// The names that had a value, in order, each once.
    let names: [String]

    init(_ dotenv: [UInt8]) {
        var text: [UInt8] = []
        var names: [String] = []
        var known: Set<String> = []
        for line in Dotenv.lines(dotenv) {
            switch line {
            case .blank: break
            case .comment(let comment): text += comment
            case .commentedAssignment(let prefix, let key, _):
                text += prefix + key + [UInt8(ascii: "=")]
            case .assignment(let prefix, let key, let value):
                text += prefix + key + [UInt8(ascii: "=")]
                let name = String(decoding: key, as: UTF8.self)
                if !value.isEmpty, known.insert(name).inserted { names.append(name) }
            case .other: text += Array("# (a line that is no assignment was left out)".utf8)
            }
            text.append(0x0A)
        }
        self.text = text
        self.names = names
    }
}
