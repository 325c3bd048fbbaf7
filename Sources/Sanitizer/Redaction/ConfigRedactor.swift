internal import Yams

/// Rewrites config.yaml so that each inline secret becomes `${HERMES_OPS_KEY_PATH}`, which Hermes expands from the environment at load.
struct ConfigRedactor {
    /// A value that was taken out.
    struct Replacement {
        var variable: String
        var keyPath: String
        var rule: String
        var fingerprint: String
    }

    /// What a whole secret scalar is reported under when no detector has a name for it.
    static let rule = "config-secret"

    private(set) var text: [UInt8]
    private(set) var replacements: [Replacement] = []

    /// Rewrites the text; nil when it is not YAML, or when the result would not be the same tree but for the secrets.
    ///
    /// - Parameter hits: what the inspector found in the text.
    init?(_ original: [UInt8], hits: [Hit], fingerprint: ([UInt8]) -> String) {
        guard let before = YAMLTree.documents(original) else { return nil }
        let lines = SourceLines(original)
        var scalars: [(path: [String], scalar: Node.Scalar)] = []
        for document in before { YAMLTree.visit(document) { scalars.append(($0, $1)) } }
        var edits: [(range: Range<Int>, text: [UInt8])] = []
        // A variable that stands there already, from an earlier restore, is another value's.
        var variables = Set(scalars.flatMap { ConfigRedactor.references(in: $0.scalar.string) })
        var expected: [String: String] = [:]
        for (path, scalar) in scalars {
            guard let mark = scalar.mark, let source = lines.extent(of: scalar, at: mark) else { continue }
            let value = Array(scalar.string.utf8)
            let inside = hits.filter { $0.range.overlaps(source) }
            let isSecretName = ConfigRedactor.isSecret(path: path, value: scalar.string)
            guard !inside.isEmpty || isSecretName else { continue }
            // Where the source is the value itself, a part of it can be replaced: `Bearer ${...}`.
            var parts: [(range: Range<Int>, rule: String, fingerprint: String)] = []
            if let content = lines.verbatim(value, in: source), !inside.isEmpty,
                inside.allSatisfy({ content.contains($0.range.lowerBound) && $0.range.upperBound <= content.upperBound }
                )
            {
                parts = inside.map {
                    (
                        ($0.range.lowerBound - content.lowerBound)..<($0.range.upperBound - content.lowerBound),
                        $0.rule, $0.fingerprint
                    )
                }
            } else if !value.isEmpty {
                parts = [(0..<value.count, inside.first?.rule ?? ConfigRedactor.rule, fingerprint(value))]
            }
            var new: [UInt8] = []
            var position = 0
            for (index, part) in parts.enumerated() {
                let variable = ConfigRedactor.variable(path, part: index, taken: &variables)
                new += value[position..<part.range.lowerBound] + Array("${\(variable)}".utf8)
                position = part.range.upperBound
                replacements.append(
                    Replacement(
                        variable: variable, keyPath: path.joined(separator: "."), rule: part.rule,
                        fingerprint: part.fingerprint))
            }
            new += value[position...]
            edits.append((source, ConfigRedactor.quoted(new)))
            expected["\(mark.line):\(mark.column)"] = String(decoding: new, as: UTF8.self)
        }
        edits.sort { $0.range.lowerBound < $1.range.lowerBound }
        var out: [UInt8] = []
        var position = 0
        for edit in edits {
            guard edit.range.lowerBound >= position else { return nil }
            out += original[position..<edit.range.lowerBound] + edit.text
            position = edit.range.upperBound
        }
        out += original[position...]
        text = out
        guard !edits.isEmpty else { return }
        guard let after = YAMLTree.documents(out), before.count == after.count,
            zip(before, after).allSatisfy({ ConfigRedactor.agree($0, $1, expected) })
        else { return nil }
    }

    /// Leaf names that Hermes itself masks (`_SECRET_CONFIG_KEYS`) and their relatives, and every value of `env:` and `headers:` whose
    /// name is a secret's.
    static func isSecret(path: [String], value: String) -> Bool {
        guard let name = path.last(where: { Int($0) == nil }), !SecretValues.isPlaceholder(value) else { return false }
        if value.contains("${") { return false }
        let (strength, isByParent) = SecretNames.strength(ofPath: path)
        switch strength {
        case .certain where isByParent:
            // A number under `tokens:` is a count, and one under `pins:` is none.
            if value.utf8.allSatisfy({ (48...57).contains($0) }) {
                return value.utf8.count >= 4 && !path.contains { SecretNames.words($0).last == "tokens" }
            }
            return !value.contains("://") && !EnvironmentValues.isSetting(value)
        case .certain:
            // `password: true` and `secret: 30` are settings.
            return !["true", "false", "yes", "no"].contains(value.lowercased())
                && !(value.utf8.count < 4 && Int(value) != nil)
        case .likely:
            return SecretValues.looksRandom(value) || SecretValues.isGroupedCode(value)
                || name == "session_key" && value.utf8.count >= 8
        case .none: return false
        }
    }

    /// The names of `${NAME}` references.
    private static func references(in text: String) -> [String] {
        text.split(separator: "${", omittingEmptySubsequences: false).dropFirst().compactMap { piece in
            piece.contains("}") ? String(piece.prefix { $0 != "}" }) : nil
        }
    }

    /// `HERMES_OPS_` and the key path in upper snake case, unique.
    private static func variable(_ path: [String], part: Int, taken: inout Set<String>) -> String {
        let words = path.flatMap(SecretNames.words).map { word in
            String(decoding: word.uppercased().utf8.filter { EncodedForms.isWord($0) }, as: UTF8.self)
        }
        let base = "HERMES_OPS_" + (words.filter { !$0.isEmpty }.joined(separator: "_"))
        var name = base
        var number = 2
        while !taken.insert(name).inserted {
            name = "\(base)_\(number)"
            number += 1
        }
        return name
    }

    /// A double-quoted YAML scalar (YAML 1.2, section 5.7), on one line.
    private static func quoted(_ value: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [UInt8(ascii: "\"")]
        for scalar in String(decoding: value, as: UTF8.self).unicodeScalars {
            switch scalar {
            case "\"": out += Array("\\\"".utf8)
            case "\\": out += Array("\\\\".utf8)
            case "\n": out += Array("\\n".utf8)
            case "\t": out += Array("\\t".utf8)
            case "\r": out += Array("\\r".utf8)
            default:
                if scalar.value < 0x20 || [0x7F, 0x85, 0x2028, 0x2029, 0xFEFF].contains(scalar.value)
                    || (0x80..<0xA0).contains(scalar.value)
                {
                    let digits = String(scalar.value, radix: 16)
                    out += Array(("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8)
                } else {
                    out += Array(String(scalar).utf8)
                }
            }
        }
        return out + [UInt8(ascii: "\"")]
    }

    /// Whether two trees are equal but for the scalars that were replaced, told by their marks in the first.
    private static func agree(_ before: Node, _ after: Node, _ expected: [String: String]) -> Bool {
        var budget = 500_000
        func same(_ one: Node, _ other: Node) -> Bool {
            budget -= 1
            guard budget > 0 else { return false }
            switch (one, other) {
            case (.scalar(let one), .scalar(let other)):
                if let mark = one.mark, let value = expected["\(mark.line):\(mark.column)"] {
                    return other.string == value
                }
                return one.string == other.string
            case (.mapping(let one), .mapping(let other)):
                return one.count == other.count && zip(one, other).allSatisfy { same($0.0, $1.0) && same($0.1, $1.1) }
            case (.sequence(let one), .sequence(let other)):
                return one.count == other.count && zip(one, other).allSatisfy(same)
            default: return false
            }
        }
        return same(before, after)
    }
}

/// Where YAML scalars stand in their text.
private struct SourceLines {
    private let text: [UInt8]
    private var starts: [Int] = [0]

    init(_ text: [UInt8]) {
        self.text = text
        // The line breaks that libyaml counts: LF, CR LF, CR, NEL, LS, PS.
        var index = 0
        while index < text.count {
            switch text[index] {
            case 0x0A: starts.append(index + 1)
            case 0x0D:
                if index + 1 < text.count, text[index + 1] == 0x0A { index += 1 }
                starts.append(index + 1)
            case 0xC2 where index + 1 < text.count && text[index + 1] == 0x85: starts.append(index + 2)
            case 0xE2 where index + 2 < text.count && text[index + 1] == 0x80 && (text[index + 2] | 1) == 0xA9:
                starts.append(index + 3)
            default: break
            }
            index += 1
        }
    }

    /// The bytes of a scalar with its quotes or its block, without tag and anchor; nil when they cannot be told.
    func extent(of scalar: Node.Scalar, at mark: Mark) -> Range<Int>? {
        guard mark.line >= 1, mark.line <= starts.count else { return nil }
        var start = starts[mark.line - 1]
        if mark.line == 1, text.starts(with: [0xEF, 0xBB, 0xBF]) { start = 3 }
        var column = 1
        while column < mark.column, start < text.count {
            start += 1
            while start < text.count, text[start] & 0xC0 == 0x80 { start += 1 }
            column += 1
        }
        // A tag or an anchor comes before the scalar and belongs to its mark.
        while start < text.count, text[start] == UInt8(ascii: "&") || text[start] == UInt8(ascii: "!") {
            while start < text.count, text[start] > 0x20 { start += 1 }
            while start < text.count, text[start] <= 0x20 { start += 1 }
        }
        guard start < text.count else { return nil }
        switch text[start] {
        case UInt8(ascii: "\""):
            var index = start + 1
            while index < text.count, text[index] != UInt8(ascii: "\"") {
                index += text[index] == UInt8(ascii: "\\") ? 2 : 1
            }
            return index < text.count ? start..<(index + 1) : nil
        case UInt8(ascii: "'"):
            var index = start + 1
            while index < text.count {
                if text[index] == UInt8(ascii: "'") {
                    guard index + 1 < text.count, text[index + 1] == UInt8(ascii: "'") else {
                        return start..<(index + 1)
                    }
                    index += 1
                }
                index += 1
            }
            return nil
        case UInt8(ascii: "|"), UInt8(ascii: ">"): return block(from: start, mark)
        default: return plain(scalar, from: start)
        }
    }

    /// A literal or folded block: its header and the lines that are indented more than its parent, or empty.
    private func block(from start: Int, _ mark: Mark) -> Range<Int>? {
        let lineStart = starts[mark.line - 1]
        let parent = text[lineStart...].prefix { $0 == 0x20 || $0 == UInt8(ascii: "-") }.count
        // `- key: |` is indented by its dash, so that what counts is the key's own column or less.
        let indent = text[lineStart...].prefix { $0 == 0x20 }.count
        var end = text[start...].firstIndex { $0 == 0x0A } ?? text.count
        var line = mark.line
        while line < starts.count {
            let next = starts[line]
            let lineEnd = text[next...].firstIndex { $0 == 0x0A } ?? text.count
            let content = text[next..<lineEnd].drop { $0 == 0x20 || $0 == 0x0D }
            let depth = text[next..<lineEnd].prefix { $0 == 0x20 }.count
            if !content.isEmpty, depth <= indent || depth < parent { break }
            if !content.isEmpty { end = lineEnd }
            line += 1
        }
        return start..<end
    }

    /// A plain scalar ends where the source no longer spells it.
    private func plain(_ scalar: Node.Scalar, from start: Int) -> Range<Int>? {
        var index = start
        for byte in scalar.string.utf8 {
            if byte == 0x20 || byte == 0x0A {
                // A blank may be a line break with its indentation.
                guard index < text.count, text[index] <= 0x20 else { return nil }
                if text[index] == byte, byte == 0x20, index + 1 < text.count, text[index + 1] > 0x20 {
                    index += 1
                } else if byte == 0x20, text[index] == 0x20 {
                    index += 1
                } else {
                    while index < text.count, text[index] <= 0x20 { index += 1 }
                }
                continue
            }
            guard index < text.count, text[index] == byte else { return nil }
            index += 1
        }
        return index > start ? start..<index : nil
    }

    /// Where in its source a value stands letter for letter, if it does.
    func verbatim(_ value: [UInt8], in source: Range<Int>) -> Range<Int>? {
        guard !value.isEmpty else { return nil }
        var inner = source
        if text[source.lowerBound] == UInt8(ascii: "\"") || text[source.lowerBound] == UInt8(ascii: "'") {
            inner = (source.lowerBound + 1)..<(source.upperBound - 1)
        }
        return text[inner].elementsEqual(value) ? inner : nil
    }
}
