/// Removes what looks like a credential from text that is about to be kept, shown or sent: the last fence before run records, status,
/// log lines and messages, behind the rule that no error holds a secret in the first place.
///
/// The formats are those that the run record's schema forbids (`safeText`), and further ones that cannot be meant for a reader:
/// age identities, OAuth client secrets, bearer tokens, URLs with user information or a query.
public enum CredentialScrubber {
    private static let mark = "«redacted»"

    /// A fixed start, and how many of which characters must follow it.
    private struct Format: Sendable {
        let prefix: [UInt8]
        let minimum: Int
        let isBody: @Sendable (UInt8) -> Bool

        init(_ prefix: String, _ minimum: Int, _ isBody: @escaping @Sendable (UInt8) -> Bool) {
            self.prefix = Array(prefix.utf8)
            self.minimum = minimum
            self.isBody = isBody
        }
    }

    private static let formats: [Format] = {
        let word: @Sendable (UInt8) -> Bool = { isAlphanumeric($0) }
        let token: @Sendable (UInt8) -> Bool = { isAlphanumeric($0) || $0 == 0x2D || $0 == 0x5F }
        let opaque: @Sendable (UInt8) -> Bool = { token($0) || $0 == 0x2E || $0 == 0x2F || $0 == 0x2B || $0 == 0x3D }
        return ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].map { Format($0, 8, word) }
            + ["xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-"].map { Format($0, 0, token) }
            + [
                Format("github_pat_", 0, token), Format("sk-", 8, token), Format("AIza", 10, token),
                Format("ya29.", 0, opaque), Format("1//0", 0, token), Format("AKIA", 8, word),
                Format("-----BEGIN", 0, { $0 >= 0x20 }), Format("eyJ", 10, opaque),
                // What errors say of their form is shorter.
                Format("AGE-SECRET-KEY-", 2, token), Format("AGE-PLUGIN-", 1, token), Format("glpat-", 8, token),
                Format("GOCSPX-", 0, token),
                // Fields of forms and queries, where no whole URL stands before them.
                Format("upload_id=", 8, opaque), Format("access_token=", 8, opaque),
                Format("refresh_token=", 8, opaque),
                Format("client_secret=", 8, opaque), Format("assertion=", 8, opaque),
                Format("Bearer ", 8, opaque), Format("bearer ", 8, opaque), Format("Basic ", 12, opaque),
            ]
    }()

    /// Most bytes begin no format at all.
    private static let formatsByFirstByte: [[Format]] = (0..<256).map { byte in
        formats.filter { $0.prefix.first.map(Int.init) == byte }
    }

    /// The text with every credential-like stretch replaced by `«redacted»`. Where one shows only once the text's encodings are taken
    /// off (``EncodedText``), so is what comes back.
    public static func scrub(_ text: String) -> String {
        var shown = scrub(Array(text.utf8))
        var reading = shown
        for _ in 0..<EncodedText.layers {
            let next = EncodedText.decoded(reading)
            if next == reading { break }
            reading = scrub(next)
            if reading != next { shown = reading }
        }
        return String(decoding: shown, as: UTF8.self)
    }

    private static func scrub(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if let end = credentialEnd(bytes, at: index) {
                out += mark.utf8
                index = end
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return out
    }

    /// Text for a run record: one printable line without credentials, at most 240 characters (`safeText` of the schema).
    public static func safeText(_ text: String) -> String {
        let flat = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        let line = scrub(printableLine(scrub(flat), limit: 2000))
        guard line.unicodeScalars.count > 240 else { return line }
        return String(String.UnicodeScalarView(line.unicodeScalars.prefix(239))) + "…"
    }

    /// Whether a text from the configuration could be a secret that somebody wrote where it does not belong: it has the form of a
    /// known credential, or it is long and looks like chance.
    public static func mayHoldSecret(_ text: String) -> Bool {
        if scrub(text) != text { return true }
        return text.split { !($0.isASCII && ($0.isLetter || $0.isNumber || "+/=_-".contains($0))) }.contains { run in
            guard run.count >= 16 else { return false }
            let digits = run.count { $0.isNumber }
            let uppers = run.count { $0.isUppercase }
            let lowers = run.count { $0.isLowercase }
            return digits >= 3 && digits + uppers + lowers >= 12 || uppers >= 3 && lowers >= 3 && run.count >= 20
        }
    }

    private static func credentialEnd(_ bytes: [UInt8], at start: Int) -> Int? {
        for format in formatsByFirstByte[Int(bytes[start])] where bytes[start...].starts(with: format.prefix) {
            var end = start + format.prefix.count
            while end < bytes.count, format.isBody(bytes[end]) { end += 1 }
            if end - start - format.prefix.count >= format.minimum { return end }
        }
        return botTokenEnd(bytes, at: start) ?? urlSecretEnd(bytes, at: start)
    }

    /// Telegram's `123456789:` and 30 or more characters. The schema's pattern is not anchored: the last 8 digits count, so that of a
    /// long number a part is enough, and the number is not read anew from each of its digits.
    private static func botTokenEnd(_ bytes: [UInt8], at start: Int) -> Int? {
        var end = start
        while end < bytes.count, end - start < 64, isDigit(bytes[end]) { end += 1 }
        guard end - start >= 8, end < bytes.count, bytes[end] == 0x3A else { return nil }
        let body = end + 1
        end = body
        while end < bytes.count, isAlphanumeric(bytes[end]) || bytes[end] == 0x2D || bytes[end] == 0x5F { end += 1 }
        return end - body >= 30 ? end : nil
    }

    /// How far before its query a URL is looked for.
    private static let urlLimit = 2048

    /// After `://`: user information up to its `@`; from a `?` in a URL: the query.
    private static func urlSecretEnd(_ bytes: [UInt8], at start: Int) -> Int? {
        let isURLByte: (UInt8) -> Bool = {
            $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x27 && $0 != 0x3C && $0 != 0x3E
        }
        if start >= 3, bytes[start - 3..<start].elementsEqual([0x3A, 0x2F, 0x2F]) {
            var end = start
            while end < bytes.count, isURLByte(bytes[end]), bytes[end] != 0x2F, bytes[end] != 0x3F {
                if bytes[end] == 0x40 { return end > start ? end : nil }
                end += 1
            }
        }
        if bytes[start] == 0x3F, start > 0, isURLByte(bytes[start - 1]) {
            var first = start
            while first > 0, start - first < urlLimit, isURLByte(bytes[first - 1]) { first -= 1 }
            let before = bytes[first..<start]
            guard before.count > 3,
                zip(before.indices, before.indices.dropFirst(2)).contains(where: { at, _ in
                    bytes[at...].starts(with: [0x3A, 0x2F, 0x2F])
                })
            else { return nil }
            var end = start + 1
            while end < bytes.count, isURLByte(bytes[end]) { end += 1 }
            return end > start + 1 ? end : nil
        }
        return nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
