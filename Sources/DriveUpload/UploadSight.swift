internal import HTTP
internal import Logging
internal import Stores
internal import Support

/// What Drive shows of the bundle: behind an id, in the folder, and whether it is the bundle's bytes.
extension Upload {
    /// The file that Drive says it has. Drive may take a while to show it: until it does, its id is kept, because another one would
    /// make a second copy. Nil once it stayed away for so long that it must have been deleted.
    func appeared(_ id: String, _ state: inout UploadState) async throws -> DriveFile? {
        let end = options.time.uptime + options.limits.appearance
        var attempt = 0
        while true {
            if let file = try await client.file(id) {
                state.unseen = nil
                return file
            }
            guard options.time.uptime < end else { break }
            attempt += 1
            let wait = options.limits.retry.wait(afterAttempt: attempt, random: options.random())
            try await options.time.sleep(for: min(max(wait, .milliseconds(100)), end - options.time.uptime))
        }
        let now = options.time.now
        if let since = state.unseen, since <= now, now - since >= options.limits.disappearance {
            state.unseen = nil
            return nil
        }
        // A clock that was set back begins anew.
        state.unseen = min(state.unseen ?? now, now)
        try states.save(state, key)
        throw OperatorError(
            "drive-unseen", doing: "uploading the bundle", subject: bundle.name,
            reason: "Drive said that it has the file \(id), and does not show it",
            advice: "run again later: it will be looked for, and not sent a second time", exit: .unavailable,
            isTemporary: true)
    }

    /// Compares Drive's size and checksums with the bundle's. A file that has none yet is looked at once more.
    func verify(_ file: DriveFile) async throws -> (file: DriveFile, comparison: Checksums.Comparison) {
        func compare(_ file: DriveFile) -> Checksums.Comparison {
            guard let size = file.size else { return .unknown }
            return size == bundle.properties.size ? file.checksums.confirm(bundle.properties.checksums) : .different
        }
        let first = compare(file)
        guard first == .unknown else { return (file, first) }
        try await options.time.sleep(for: options.limits.retry.wait(afterAttempt: 2, random: options.random()))
        let again = try await client.file(file.id) ?? file
        return (again, compare(again))
    }

    /// The verified item behind an id that an earlier call saw. Nil: it was deleted, moved, or is another file now. Drive may not show
    /// it, or not all of it, for a while: that is waited for, since another upload would make a second copy.
    func landed(_ id: String, _ state: inout UploadState) async throws -> StoredItem? {
        var shown = try await client.file(id)
        if shown == nil {
            if let item = try await existing() { return item }
            shown = try await appeared(id, &state)
        }
        guard let file = shown, !file.isTrashed, file.parents.contains(folder), isOurs(file) else { return nil }
        let (seen, comparison) = try await verify(file)
        switch comparison {
        case .equal: return seen.item
        case .different: return nil
        case .unknown: throw unverifiable(id)
        }
    }

    /// The same bytes in the folder from an earlier upload that this state directory knows nothing of.
    func existing() async throws -> StoredItem? {
        let found: (files: [DriveFile], isComplete: Bool)
        do {
            found = try await client.search([
                "\(DriveQuery.literal(folder)) in parents", "trashed = false",
                DriveQuery.has(DriveProperties.tag.key, DriveProperties.tag.bundle),
                DriveQuery.has("sha256", bundle.properties.sha256),
            ])
        } catch let error as OperatorError where error.type == "drive-refused" {
            options.logger.notice("Drive could not be asked whether it has the bundle already")
            return nil
        }
        return found.files.lazy.filter { $0.parents.contains(folder) && isOurs($0) }.compactMap(\.item)
            .first(where: \.isVerified)
    }

    /// Whether a file was put there as this very bundle. An id that is given out twice leads to another one.
    func isOurs(_ file: DriveFile) -> Bool {
        file.properties[DriveProperties.tag.key] == DriveProperties.tag.bundle
            && file.properties["instance"] == bundle.properties.instance
            && file.properties["sha256"] == bundle.properties.sha256
    }

    func unverifiable(_ id: String) -> OperatorError {
        OperatorError(
            "drive-unverified", doing: "uploading the bundle", subject: bundle.name,
            reason: "Drive gives no checksum for the file \(id), so it cannot be said whether it is whole",
            advice: "run again later: it will be looked at anew", exit: .unavailable, isTemporary: true)
    }
}
