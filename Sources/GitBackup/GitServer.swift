internal import HTTP
internal import Support
internal import SystemPackage

/// The two services of git's wire protocol.
enum GitService: String {
    case receivePack = "git-receive-pack"
    case uploadPack = "git-upload-pack"
}

/// A request's body: bytes, then perhaps a whole pack file.
struct GitRequestBody: Sendable {
    var head: [UInt8]
    var pack: FileDescriptor?
    /// Of the pack, in bytes.
    var packLength: Int64 = 0

    var length: Int64 { Int64(head.count) + packLength }

    /// Copies bytes from an offset; 0 at the end.
    func read(at offset: Int64, into room: UnsafeMutableRawBufferPointer) throws -> Int {
        if offset < Int64(head.count) {
            let piece = head[Int(offset)...].prefix(room.count)
            room.copyBytes(from: piece)
            return piece.count
        }
        let inPack = offset - Int64(head.count)
        guard let pack, inPack < packLength else { return 0 }
        let wanted = Int(min(Int64(room.count), packLength - inPack))
        let count = try pack.read(
            fromAbsoluteOffset: inPack, into: UnsafeMutableRawBufferPointer(rebasing: room[..<wanted]))
        guard count > 0 else {
            throw OperatorError("git.failure", doing: "sending a pack", reason: "its file became shorter")
        }
        return count
    }
}

/// One conversation with a git server about one service: first what it has, then at most one request.
protocol GitConversation: AnyObject {
    /// Tells the server's references. Each call asks anew where the transport can.
    func advertisement() throws -> Advertisement
    /// Sends the request and hands on the answer as it comes.
    func request(_ body: GitRequestBody, answer: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void) throws
}
