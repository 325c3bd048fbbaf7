internal import Logging
internal import Stores
internal import Support

/// What uploads into a folder left there with wrong bytes or in the trash. What cannot be deleted now is no reason not to send a bundle: it
/// stays on its list for the next time.
struct UploadLeftovers {
    let client: DriveClient
    let states: UploadStates

    enum Fate {
        case deleted
        /// It is none of what this program left.
        case foreign
        case failed(String)
    }

    /// A file that Drive does not show for so long is gone.
    private static let patience = Duration.seconds(86_400)

    private var options: DriveOptions { client.options }

    /// Deletes what one upload left; returns what became of each file.
    @discardableResult
    func remove(_ state: inout UploadState, _ key: String) async -> [String: Fate] {
        var fates: [String: Fate] = [:]
        for id in state.discard {
            do {
                let fate = try await fate(of: id, key, since: state.updated)
                fates[id] = fate
                if case .failed = fate { continue }
                state.discard.removeAll { $0 == id }
                try states.save(state, key)
            } catch is CancellationError {
                return fates
            } catch {
                let reason = (error as? OperatorError)?.reason ?? "\(error)"
                fates[id] = .failed(reason)
                options.logger.warning("the file \(id) of an earlier upload could not be deleted: \(reason)")
            }
        }
        return fates
    }

    /// The same for other bundles, whose uploads nobody comes back to.
    func removeOthers(except key: String) async {
        for other in states.withDiscards() where other != key {
            guard let lock = try? states.lock(other), var state = states.load(other) else { continue }
            await remove(&state, other)
            withExtendedLifetime(lock) {}
        }
    }

    private func fate(of id: String, _ key: String, since updated: Timestamp) async throws -> Fate {
        guard let file = try await client.file(id) else {
            // Drive shows a file late sometimes.
            return options.time.now - updated > Self.patience ? .deleted : .failed("Drive does not show it")
        }
        // An id that was given out twice may lead to a good bundle.
        let isLeft: Bool
        if file.isTrashed {
            isLeft = DriveProperties.bundle(file.properties).map { states.key($0) == key } ?? false
        } else if file.size == nil {
            return .failed("Drive does not tell its size")
        } else {
            isLeft = file.item?.isWrong ?? false
        }
        guard isLeft else { return .foreign }
        try await client.delete(id)
        return .deleted
    }
}
