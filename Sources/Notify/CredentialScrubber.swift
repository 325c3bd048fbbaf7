internal import Support

/// Takes anything that looks like a credential out of text that goes to a chat or a record: the last line of defence, not the
/// first. The shapes are those that the run record's `safeText` forbids (schemas/job-run.schema.json).
enum CredentialScrubber {
    static let replacement = "[removed]"

    static func scrub(_ text: String) -> String {
        var words: [String] = []
        var word = ""
        // A credential has no white space inside, but a PEM header does: it is found by its start.
        for character in text {
            if character.isWhitespace {
                words.append(clean(word))
                words.append(String(character))
                word = ""
            } else {
                word.append(character)
            }
        }
        words.append(clean(word))
        return words.joined()
    }

    private static func clean(_ word: String) -> String {
        guard word.utf8.count >= 4 else { return word }
        let bytes = Array(word.utf8)
        var start: Int?
        for prefix in prefixes {
            if let place = find(prefix.text, in: bytes, followedBy: prefix.tail), place < start ?? Int.max {
                start = place
            }
        }
        if let place = botToken(in: bytes), place < start ?? Int.max { start = place }
        guard let start else { return word }
        // The rest of the word goes with it: a tail that is not part of it costs nothing.
        return String(decoding: bytes[..<start], as: UTF8.self) + replacement
    }

    private static let prefixes: [(text: [UInt8], tail: Int)] =
        ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].map { (Array($0.utf8), 8) }
        + [
            ("github_pat_", 0), ("sk-", 8), ("xoxa-", 0), ("xoxb-", 0), ("xoxp-", 0), ("xoxr-", 0), ("xoxs-", 0),
            ("AIza", 10),
            ("ya29.", 0), ("1//0", 0), ("AKIA", 8), ("-----BEGIN", 0), ("eyJ", 10), ("GOCSPX-", 0),
            ("AGE-SECRET-KEY-", 0),
        ].map { (Array($0.0.utf8), $0.1) }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func find(_ prefix: [UInt8], in bytes: [UInt8], followedBy tail: Int) -> Int? {
        guard bytes.count >= prefix.count + tail else { return nil }
        return (0...(bytes.count - prefix.count - tail)).first { start in
            bytes[start..<start + prefix.count].elementsEqual(prefix)
                && bytes[(start + prefix.count)..<(start + prefix.count + tail)].allSatisfy(isTokenByte)
        }
    }

    /// `[0-9]{8,10}:[A-Za-z0-9_-]{30}`
    private static func botToken(in bytes: [UInt8]) -> Int? {
        for (colon, byte) in bytes.enumerated() where byte == UInt8(ascii: ":") {
            let digits = bytes[..<colon].reversed().prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
                .count
            let tail = bytes[(colon + 1)...].prefix(while: isTokenByte).count
            if digits >= 8, tail >= 30 { return colon - digits }
        }
        return nil
    }
}
