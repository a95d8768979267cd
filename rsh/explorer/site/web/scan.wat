;; Hamming distances of packed codes to one: the loops of scan.js, with the processor's own count of bits.
;; Addresses and lengths are bytes of the memory, which holds codes, the query and distances.
(module
  (memory (export "memory") 0)

  ;; Codes of 8 bytes.
  (func (export "scan64") (param $code i32) (param $stop i32) (param $query i32) (param $distance i32)
    (local $own i64)
    (local.set $own (i64.load (local.get $query)))
    (block $done
      (loop $codes
        (br_if $done (i32.eq (local.get $code) (local.get $stop)))
        (i64.store16 (local.get $distance)
          (i64.popcnt (i64.xor (i64.load (local.get $code)) (local.get $own))))
        (local.set $code (i32.add (local.get $code) (i32.const 8)))
        (local.set $distance (i32.add (local.get $distance) (i32.const 2)))
        (br $codes))))

  ;; Codes of any multiple of 4 bytes: 4 of them first, unless it is a multiple of 8.
  (func (export "scan") (param $code i32) (param $stop i32) (param $query i32) (param $distance i32) (param $size i32)
    (local $byte i32)
    (local $bits i64)
    (block $done
      (loop $codes
        (br_if $done (i32.eq (local.get $code) (local.get $stop)))
        (local.set $bits (i64.const 0))
        (local.set $byte (i32.and (local.get $size) (i32.const 4)))
        (if (local.get $byte)
          (then
            (local.set $bits
              (i64.popcnt (i64.xor (i64.load32_u (local.get $code)) (i64.load32_u (local.get $query)))))))
        (block $whole
          (loop $words
            (br_if $whole (i32.eq (local.get $byte) (local.get $size)))
            (local.set $bits
              (i64.add (local.get $bits)
                (i64.popcnt
                  (i64.xor
                    (i64.load (i32.add (local.get $code) (local.get $byte)))
                    (i64.load (i32.add (local.get $query) (local.get $byte)))))))
            (local.set $byte (i32.add (local.get $byte) (i32.const 8)))
            (br $words)))
        (i64.store16 (local.get $distance) (local.get $bits))
        (local.set $code (i32.add (local.get $code) (local.get $size)))
        (local.set $distance (i32.add (local.get $distance) (i32.const 2)))
        (br $codes)))))
