internal import Support
internal import Synchronization

/// Reads objects for several threads, one at a time, through a repository handle of its own.
final class LockedReader: Sendable {
    private let repository: Mutex<RepositoryHandle>

    init(_ repository: sending RepositoryHandle) { self.repository = Mutex(repository) }

    func content(of id: ObjectID) throws -> [UInt8] { try repository.withLock { try $0.read(id).content } }
}
