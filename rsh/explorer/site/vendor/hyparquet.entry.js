/*! hyparquet 1.33.0, a reader of Parquet files. MIT License, https://github.com/hyparam/hyparquet */
export { parquetMetadataAsync, parquetRead } from "hyparquet";
