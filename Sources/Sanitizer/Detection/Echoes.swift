internal import Glibc

/// What was found once in a text is a secret wherever else it stands in it: a person says "try x", and only the answer calls x a password.
extension Detector {
    private static let textLimit = 2 << 20
    private static let valueLimit = 32

    private static let typedRules: Set<String> = [
        "password", "prose-secret", "login-pair", "command-line", "piped-secret", "login-call", "session-login",
        "form-input",
        "sql-password", "url-credentials", "pgpass",
    ]

    /// Findings for the other places of values that people type and that no word or id looks like.
    static func echoes(of findings: [Finding], in pass: DetectionPass) -> [Finding] {
        let text = pass.text
        guard !findings.isEmpty, text.count <= textLimit else { return [] }
        var values: [[UInt8]] = []
        var rules: [String] = []
        for finding in findings where values.count < valueLimit {
            guard (8...64).contains(finding.range.count), typedRules.contains(finding.rule), !finding.needsQuotes,
                pass.looksTyped(finding.range),
                // `union_block16` is more often a variable than somebody's words.
                text.first(95, in: finding.range) == nil
                    || !finding.range.allSatisfy({ text[$0].isName && !text[$0].isUpper })
            else { continue }
            let value = text.bytes(finding.range)
            guard !values.contains(value) else { continue }
            values.append(value)
            rules.append(finding.rule)
        }
        var found: [Finding] = []
        for (value, rule) in zip(values, rules) {
            // The byte that texts hold least: a sign, else a digit, else a capital.
            let rarest = value.indices.max { weight(value[$0]) < weight(value[$1]) } ?? 0
            var from = rarest
            while from < text.count,
                let hit = memchr(text.base + from, Int32(value[rarest]), text.count - from)
            {
                let place = UnsafeRawPointer(hit) - UnsafeRawPointer(text.base)
                let start = place - rarest
                from = place + 1
                guard start >= 0, start + value.count <= text.count,
                    memcmp(text.base + start, value, value.count) == 0
                else { continue }
                from = start + value.count
                guard !text[start - 1].isWord || (text[start - 2] == 92 && text[start - 1] == 110), !text[from].isWord
                else { continue }
                found.append(Finding(rule: rule, range: start..<from))
            }
        }
        return found
    }

    private static func weight(_ byte: UInt8) -> Int {
        if byte.isLower || byte == 45 || byte == 46 || byte == 95 { return 0 }
        return byte.isUpper ? 1 : byte.isDigit ? 2 : 3
    }
}
