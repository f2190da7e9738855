"""What MiniStack does not do as AWS does and the product needs. Each module is one concern and can be deleted when
its test in tests/stage/test_shim.py says that upstream has caught up. MiniStack is pinned exactly: the shim reaches
into it.
"""
