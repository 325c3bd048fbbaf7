internal import CLinux
internal import Glibc
internal import SystemPackage

/// Where a sparse file has data.
enum SparseMap {
    /// A file in more pieces than this is stored whole.
    private static let limit = 10_000

    /// Empty: everywhere, or not known. A file that is one hole has one empty extent at its end.
    static func extents(of file: FileDescriptor, size: Int64) -> [Range<Int64>] {
        var extents: [Range<Int64>] = []
        var position: Int64 = 0
        while position < size {
            let start = hx_seek_data(file.rawValue, position)
            if start < 0 {
                guard errno == ENXIO else { return [] }
                break
            }
            let end = hx_seek_hole(file.rawValue, start)
            guard end > start, extents.count < limit else { return [] }
            if start < size { extents.append(start..<min(end, size)) }
            position = end
        }
        return extents.isEmpty ? [size..<size] : extents == [0..<size] ? [] : extents
    }
}
