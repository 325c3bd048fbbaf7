/// Cookies as objects of JSON, in any order of members, as browsers' tools export them:
/// `{"domain": ".x.org", "value": "…", "name": "sid", "httpOnly": true}`.
extension DetectionPass {
    static let cookieMembers = ["\"httponly\"", "\"samesite\"", "\"hostonly\"", "\"expirationdate\"", "\"domain\""]

    /// A member that only cookies have stands at `hit`.
    func cookieObjectHit(_ hit: Int) {
        guard hit >= cookieEnd else { return }
        let floor = max(0, hit - 1200)
        var open = hit
        while open > floor, text[open] != 123, text[open] != 125 { open -= 1 }
        guard text[open] == 123 else { return }
        let limit = min(text.count, open + 8192)
        var name: Range<Int>?
        var value: Range<Int>?
        var index = open + 1
        while index < limit, text[index] != 125, text[index] != 123 {
            guard text[index] == 34, let key = text.readValue(at: index), key.isQuoted else {
                index += 1
                continue
            }
            let colon = text.skipSpace(key.end)
            index = max(key.end, index + 1)
            guard text[colon] == 58 else { continue }
            let from = text.skipSpace(colon + 1)
            guard text[from] == 34, let found = text.readValue(at: from), found.isQuoted else { continue }
            if key.range.count == 4, text.has("name", at: key.range.lowerBound) { name = found.range }
            if key.range.count == 5, text.has("value", at: key.range.lowerBound) { value = found.range }
            index = max(found.end, index)
        }
        cookieEnd = index
        guard let name, let value, !value.isEmpty, isSecretCookie(name, value) else { return }
        add("cookie", value)
    }
}
