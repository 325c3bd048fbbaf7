public import Support

extension BackupRepository {
    /// When a commit of this repository was made, as its committer line says, in whole seconds.
    ///
    /// Throws with exit 65 when the object is no commit with a readable time.
    public func commitTime(_ id: ObjectID) async throws -> Timestamp {
        try await offPool { [self] in
            let content = try open().read(id).content
            // `committer NAME <EMAIL> SECONDS ZONE` (git's Documentation/gitformat-commit); headers end at the empty line.
            for line in content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
                if line.isEmpty { break }
                guard line.starts(with: "committer ".utf8) else { continue }
                let words = line.split(separator: UInt8(ascii: " "))
                guard words.count >= 3, let seconds = Int64(String(decoding: words[words.count - 2], as: UTF8.self))
                else { break }
                return Timestamp(seconds: seconds)
            }
            throw OperatorError(
                "git.damaged", doing: "reading the time of commit", subject: "\(id)",
                reason: "it has no readable committer line", exit: .damagedInput)
        }
    }
}
