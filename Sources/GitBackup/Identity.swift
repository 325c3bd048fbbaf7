/// Who stands in a commit as author and committer.
public struct Identity: Sendable {
    public var name: String
    public var email: String

    /// Characters that git's commit format cannot hold (`<`, `>`, line breaks, NUL) become `-`.
    public init(name: String, email: String) {
        func clean(_ text: String) -> String {
            let kept = String(text.unicodeScalars.map { "<>\n\r\0".unicodeScalars.contains($0) ? "-" : Character($0) })
            return kept.isEmpty ? "-" : kept
        }
        self.name = clean(name)
        self.email = clean(email)
    }
}
